// A deletion changes a row. If there is none, there is nothing to delete.
// In production: the deletion of a new product is faster than its first price, which waits in a retry queue. The deletion finds
// nothing, then the price comes, and the product that was never to be sold is on sale.
//
// want TestDeletionIsAVersion: "chair: version 2, deleted. The table has no row"

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
		return false, errors.New("incomplete change")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	if c.Deleted {
		applied, err = remove(ctx, tx, c)
	} else {
		applied, err = price(ctx, tx, c)
	}
	if err != nil {
		return false, fmt.Errorf("change %s: %w", c.SKU, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return applied, nil
}

func remove(ctx context.Context, tx *sql.Tx, c Change) (bool, error) {
	result, err := tx.ExecContext(ctx, `UPDATE prices SET deleted = 1, version = ?, changed_at = ? WHERE sku = ? AND version < ?`,
		c.Version, c.At.UnixMilli(), c.SKU, c.Version)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

func price(ctx context.Context, tx *sql.Tx, c Change) (bool, error) {
	var known int64
	err := tx.QueryRowContext(ctx, `SELECT version FROM prices WHERE sku = ?`, c.SKU).Scan(&known)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	if c.Version <= known {
		return false, nil
	}
	_, err = tx.ExecContext(ctx, `REPLACE INTO prices VALUES (?, ?, ?, FALSE, ?)`, c.SKU, c.Version, c.Price, c.At.UnixMilli())
	return err == nil, err
}
