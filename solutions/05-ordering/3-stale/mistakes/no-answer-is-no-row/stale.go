// Reads the version, and takes every error for "this product is new". But only sql.ErrNoRows says that.
// In production: a read fails for a moment while a price of last week is replayed. It finds nothing to be older than, and
// overwrites the newest one. Nobody is told: the write went well.
//
// want TestFailureIsTold: "Apply returned applied=true and no error. The table has version 1, 17.99"

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

// Apply stores c in a transaction, unless the product is known with this version or a higher one.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, fmt.Errorf("%+v is no change", c)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin a transaction: %w", err)
	}
	defer tx.Rollback()
	if version, known := find(ctx, tx, c.SKU); known && version >= c.Version {
		return false, nil
	}
	if err := upsert(ctx, tx, c); err != nil {
		return false, fmt.Errorf("store version %d: %w", c.Version, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit version %d: %w", c.Version, err)
	}
	return true, nil
}

// find returns a product's version, and whether there is one.
func find(ctx context.Context, tx *sql.Tx, sku string) (version int64, known bool) {
	err := tx.QueryRowContext(ctx, "SELECT version FROM prices WHERE sku = $1", sku).Scan(&version)
	return version, err == nil
}

// upsert makes c the row of its product.
func upsert(ctx context.Context, tx *sql.Tx, c Change) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO prices (sku, version, cents, deleted, changed_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (sku) DO UPDATE SET version = $2, cents = $3, deleted = $4, changed_at = $5`,
		c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli())
	return err
}
