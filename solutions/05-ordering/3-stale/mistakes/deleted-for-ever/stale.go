// An update sets what a new price has, and a price doesn't say deleted=0. So the row keeps what an earlier deletion has set.
// In production: the lamp is back after the summer. It has a price and a new version, and no page shows it.
//
// want TestEveryOrderEndsTheSame: "then version 4, 0.00. The table has version 4, deleted=1"

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

// Apply stores c if the table has nothing as new.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, errors.New("SKU, version or price missing")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()

	var version int64
	switch err := tx.QueryRowContext(ctx, `SELECT version FROM prices WHERE sku = ?`, c.SKU).Scan(&version); {
	case errors.Is(err, sql.ErrNoRows):
		_, err = tx.ExecContext(ctx, `INSERT INTO prices VALUES (?, ?, ?, ?, ?)`,
			c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli())
		if err != nil {
			return false, fmt.Errorf("insert: %w", err)
		}
		return commit(tx)
	case err != nil:
		return false, fmt.Errorf("select: %w", err)
	}
	if version >= c.Version {
		return false, nil
	}
	set, arg := "cents = ?", any(c.Price)
	if c.Deleted {
		set, arg = "deleted = ?", true
	}
	_, err = tx.ExecContext(ctx, `UPDATE prices SET version = ?, changed_at = ?, `+set+` WHERE sku = ?`,
		c.Version, c.At.UnixMilli(), arg, c.SKU)
	if err != nil {
		return false, fmt.Errorf("update: %w", err)
	}
	return commit(tx)
}

func commit(tx *sql.Tx) (bool, error) {
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return true, nil
}
