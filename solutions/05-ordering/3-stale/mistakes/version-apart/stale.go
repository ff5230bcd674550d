// Takes note of the version first, so that nobody else does this change too, and then stores the price. Between the two the process
// may die.
// In production: a deployment stops the program just there. The row has the new version and the old price. The message comes again,
// and is thrown away: its version is known.
//
// want TestCrashAnywhere: "crashed before step 2 (UPDATE prices SET cents"

package stale

import (
	"context"
	"database/sql"
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

// Apply claims the version of c, and stores its price if nobody else did.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, fmt.Errorf("can't apply %+v", c)
	}
	claimed, err := claim(ctx, db, c)
	if err != nil || !claimed {
		return false, err
	}
	_, err = db.ExecContext(ctx, `UPDATE prices SET cents = ?, deleted = ?, changed_at = ? WHERE sku = ? AND version = ?`,
		c.Price, c.Deleted, c.At.UnixMilli(), c.SKU, c.Version)
	if err != nil {
		return false, fmt.Errorf("store the price: %w", err)
	}
	return true, nil
}

// claim raises the version of a product, and tells whether it did.
func claim(ctx context.Context, db *sql.DB, c Change) (bool, error) {
	result, err := db.ExecContext(ctx, `
		INSERT INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, 0, 1, 0)
		ON CONFLICT (sku) DO UPDATE SET version = excluded.version WHERE version < excluded.version`, c.SKU, c.Version)
	if err != nil {
		return false, fmt.Errorf("claim the version: %w", err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}
