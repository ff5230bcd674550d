// Commits on the way out, and doesn't ask what became of it.
// In production: the disk is full, or the connection to the database is gone, at the moment of the commit. Apply says that the
// price is stored, the message is acked, and the price is nowhere.
//
// want TestCrashAnywhere: "Apply returned applied=true and no error"

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

// Apply stores c in a transaction of its own.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, fmt.Errorf("no valid change: %+v", c)
	}
	err = within(ctx, db, func(tx *sql.Tx) error {
		var version int64
		err := tx.QueryRowContext(ctx, `SELECT version FROM prices WHERE sku = ?`, c.SKU).Scan(&version)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if applied = c.Version > version; !applied {
			return nil
		}
		_, err = tx.ExecContext(ctx, `
			INSERT OR REPLACE INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, ?, ?, ?)`,
			c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli())
		return err
	})
	return applied && err == nil, err
}

// within calls do in a transaction.
func within(ctx context.Context, db *sql.DB, do func(*sql.Tx) error) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tx.Rollback()
			return
		}
		tx.Commit()
	}()
	return do(tx)
}
