// Package stale keeps the prices that the shop shows. Changes of prices come in any order and more than once, and the newest of
// each product stays. It doesn't wait for changes that are missing: a price is whole without those before it.
package stale

import (
	"context"
	"database/sql"
	"time"
)

// Schema makes the table of prices. The caller executes it at each start. A product has one row: its newest change.
//
// Write the arguments of a statement as $1, $2 … SQLite takes ? too; PostgreSQL, where chapter 06 may keep its prices, doesn't.
const Schema = `
CREATE TABLE IF NOT EXISTS prices (
	sku        TEXT    NOT NULL PRIMARY KEY,
	version    INTEGER NOT NULL,
	cents      INTEGER NOT NULL, -- means nothing if deleted
	deleted    INTEGER NOT NULL, -- 1: not sold any more, else 0
	changed_at INTEGER NOT NULL  -- milliseconds since 1970, for people to read
)`

// A Change says what a product costs from now on, or that it is not sold any more.
type Change struct {
	SKU     string    // which product
	Version int64     // 1 for the first change of this product, and one more for each after it
	Price   int64     // in cents. 0 is a price too: a gift
	Deleted bool      // not sold any more; Price means nothing then
	At      time.Time // when it was made, by the clock of the machine where it was made
}

// Apply stores c, unless the table has a change of the same product that is as new or newer. applied tells whether this call has
// stored it.
//   - Newer means a higher Version, never a later At: clocks differ.
//   - Versions may be missing. Nothing waits for them, and when they come they are old.
//   - The same version again changes nothing and is no error, whatever price it has: applied is false.
//   - A deletion is a version. The product has a row then too: an older price that comes later doesn't bring it back, a newer one
//     does. An older deletion that comes later deletes nothing.
//   - The same price again, or a second deletion, is a version too.
//   - All of c is stored, or nothing. Wherever the process dies, the row is one change: version, price, deletion and time.
//   - Others store changes in the same table at the same time, in other processes too. The newest stays all the same. Who comes
//     second waits for its turn, and gets no error because of the others.
//   - SKU is any text but the empty one. SKU empty, Version below 1, or Price below 0: an error, and nothing changes.
//   - The database fails, and Apply can't know what is there, or can't store c: an error. It may be that c was stored and only the
//     answer was lost, so the caller calls Apply again, in this process or another.
//   - ctx has ended: an error that wraps ctx's, and nothing changes. It ends while Apply waits for its turn: the database is told
//     to stop waiting (SQLite goes on, here for ten seconds at most), nothing changes, and the error may be the database's own.
//   - With an error, applied is false.
//   - Apply needs one connection of db at a time: db may be limited to one. Whatever Apply returns, it leaves no transaction and no
//     connection in use. db stays open: it is the caller's.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	// TODO(05/3): look which version is there, and store c if it is newer. Nobody may come in between, and no half may stay.
	return false, notDone
}
