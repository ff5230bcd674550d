// What is deleted is removed from the table, and its version with it. So nothing is left to which a late change could be compared.
// In production: a price of the day before is still under way when the lamp is taken off the shelf. It comes, it is the first that
// the table hears of this lamp, and the shop sells it again.
//
// want TestDeletionIsAVersion: "then version 3, deleted. The table has no row"

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

// Apply stores a price, or removes it.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, fmt.Errorf("invalid change: %+v", c)
	}
	if c.Deleted {
		return changed(db.ExecContext(ctx, "DELETE FROM prices WHERE sku = ? AND version < ?", c.SKU, c.Version))
	}
	return changed(db.ExecContext(ctx, `
		INSERT INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, ?, 0, ?)
		ON CONFLICT (sku) DO UPDATE
		SET version = excluded.version, cents = excluded.cents, changed_at = excluded.changed_at
		WHERE version < excluded.version`, c.SKU, c.Version, c.Price, c.At.UnixMilli()))
}

func changed(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows > 0, err
}
