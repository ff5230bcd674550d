// A change that brings the price that is there is none: nothing is written, its version neither.
// In production: 19.99, then 24.99, then 19.99 again. The second one comes last. The table still says version 1, so 24.99 is newer,
// and stays.
//
// want TestSamePriceIsAVersion: "then version 3, 19.99. The table has version 1, 19.99"

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

type stored struct {
	version, cents int64
	deleted        bool
}

// Apply stores c if it is newer, and if it changes something.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, fmt.Errorf("the change %+v can't be", c)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	var now stored
	err = tx.QueryRowContext(ctx, "SELECT version, cents, deleted FROM prices WHERE sku = ?", c.SKU).
		Scan(&now.version, &now.cents, &now.deleted)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("read %s: %w", c.SKU, err)
	}
	known := now.version > 0
	if known && (now.version >= c.Version || now.cents == c.Price && now.deleted == c.Deleted) {
		return false, nil // old, or no news
	}
	if known {
		_, err = tx.ExecContext(ctx, "UPDATE prices SET version = ?, cents = ?, deleted = ?, changed_at = ? WHERE sku = ?",
			c.Version, c.Price, c.Deleted, c.At.UnixMilli(), c.SKU)
	} else {
		_, err = tx.ExecContext(ctx, "INSERT INTO prices (version, cents, deleted, changed_at, sku) VALUES (?, ?, ?, ?, ?)",
			c.Version, c.Price, c.Deleted, c.At.UnixMilli(), c.SKU)
	}
	if err != nil {
		return false, fmt.Errorf("write %s: %w", c.SKU, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return true, nil
}
