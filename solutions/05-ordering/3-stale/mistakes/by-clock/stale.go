// Newer is what has the later time. Each machine has a time of its own.
// In production: the clock of one catalog server is five minutes fast. What the others change in the five minutes after it is
// thrown away, and reports no error.
//
// want TestClockDoesNotCount: "then version 2, 24.99. The table has version 1, 19.99"

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

// Apply stores c unless what the table has is as late, or later.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version <= 0 || c.Price < 0 {
		return false, fmt.Errorf("bad change %+v", c)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()

	var stored int64
	err = tx.QueryRowContext(ctx, `SELECT changed_at FROM prices WHERE sku = ?`, c.SKU).Scan(&stored)
	switch {
	case errors.Is(err, sql.ErrNoRows): // the first
	case err != nil:
		return false, fmt.Errorf("read the price of %s: %w", c.SKU, err)
	case !c.At.After(time.UnixMilli(stored)):
		return false, nil
	}
	_, err = tx.ExecContext(ctx, `REPLACE INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, ?, ?, ?)`,
		c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("store the price of %s: %w", c.SKU, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return true, nil
}
