// Begins a transaction, and reads through db instead of tx: by another connection, while this one waits.
// In production: db has one connection, as many recommend for SQLite. The first change waits for a connection that it has itself,
// and the shop's prices stand still. With two connections it needs two changes at once.
//
// want TestNothingStaysInUse: "in sql.(*DB).QueryRowContext"

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
		return false, fmt.Errorf("change %+v makes no sense", c)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("apply %s: %w", c.SKU, err)
	}
	defer tx.Rollback()

	last, err := currentVersion(ctx, db, c.SKU)
	if err != nil {
		return false, fmt.Errorf("apply %s: %w", c.SKU, err)
	}
	if last >= c.Version {
		return false, nil
	}
	row := []any{c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli()}
	if _, err := tx.ExecContext(ctx, "REPLACE INTO prices VALUES ($1, $2, $3, $4, $5)", row...); err != nil {
		return false, fmt.Errorf("apply %s: %w", c.SKU, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("apply %s: %w", c.SKU, err)
	}
	return true, nil
}

// currentVersion returns 0 for a product that is not known.
func currentVersion(ctx context.Context, db *sql.DB, sku string) (int64, error) {
	var version int64
	err := db.QueryRowContext(ctx, "SELECT version FROM prices WHERE sku = $1", sku).Scan(&version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	return version, nil
}
