// Who finds nothing to do returns, and leaves the transaction as it is. It has the right to write, and keeps it.
// In production: the first message that comes twice stops everything. All other writers wait, then fail with "database is locked",
// until the process is restarted.
//
// want TestNothingStaysInUse: "it was known, and connections of db that Apply left in use: 1"

package stale

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

// Apply stores c if it is newer.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, errors.New("bad input")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	fail := func(err error) (bool, error) { return false, errors.Join(err, tx.Rollback()) }

	var version int64
	err = tx.QueryRowContext(ctx, "SELECT version FROM prices WHERE sku = ?", c.SKU).Scan(&version)
	if err != nil && err != sql.ErrNoRows {
		return fail(fmt.Errorf("select: %w", err))
	}
	if version >= c.Version {
		return false, nil // nothing to do
	}
	const query = "INSERT OR REPLACE INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, ?, ?, ?)"
	if _, err := tx.ExecContext(ctx, query, c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli()); err != nil {
		return fail(fmt.Errorf("insert: %w", err))
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return true, nil
}
