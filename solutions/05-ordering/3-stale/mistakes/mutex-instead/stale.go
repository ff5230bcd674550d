// Two at once are kept apart by a lock of this process. Another process has its own.
// In production: it holds as long as the shop has one instance. The second one is started on the day before Christmas, and two
// changes of a price at the same moment overwrite each other.
//
// want TestTwoAtOnce: "another program came with version 3, 29.99. The table has version 2, 24.99"

package stale

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Schema makes the table of prices. The caller executes it at each start.
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

// One change at a time: what is read stays true until it is written.
var oneAtATime sync.Mutex

// Apply stores c if it is newer.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, errors.New("a change needs a SKU, a version and a price")
	}
	oneAtATime.Lock()
	defer oneAtATime.Unlock()

	var newer bool
	const question = `SELECT NOT EXISTS (SELECT * FROM prices WHERE sku = ? AND version >= ?)`
	err = db.QueryRowContext(ctx, question, c.SKU, c.Version).Scan(&newer)
	if err != nil {
		return false, fmt.Errorf("look for a newer price of %s: %w", c.SKU, err)
	}
	if !newer {
		return false, nil
	}
	_, err = db.ExecContext(ctx, `
		INSERT INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (sku) DO UPDATE
		SET version = excluded.version, cents = excluded.cents, deleted = excluded.deleted, changed_at = excluded.changed_at`,
		c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("store the price of %s: %w", c.SKU, err)
	}
	return true, nil
}
