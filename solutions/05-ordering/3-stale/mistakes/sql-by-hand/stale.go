// Writes the SKU into the text of the statement. An apostrophe in it ends the text there.
// In production: the supplier's lamp is called 60'-tube. Its price can't be stored, and the message is tried again for ever.
// Somebody else calls a product what makes another statement of it.
//
// want TestOtherProductsStay: "Apply returned the error"

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

// Apply stores c if it is newer.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, fmt.Errorf("bad change: %s %d %d", c.SKU, c.Version, c.Price)
	}
	query := fmt.Sprintf(`
		INSERT INTO prices (sku, version, cents, deleted, changed_at) VALUES ('%s', %d, %d, %t, %d)
		ON CONFLICT (sku) DO UPDATE
		SET version = excluded.version, cents = excluded.cents, deleted = excluded.deleted, changed_at = excluded.changed_at
		WHERE version < excluded.version`, c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli())
	result, err := db.ExecContext(ctx, query)
	if err != nil {
		return false, fmt.Errorf("store the price of %s: %w", c.SKU, err)
	}
	rows, err := result.RowsAffected()
	if err != nil {
		return false, err
	}
	return rows == 1, nil
}
