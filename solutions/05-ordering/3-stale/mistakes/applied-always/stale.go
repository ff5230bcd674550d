// Stores the right row always, and asks the database how many rows it has touched. It has touched one each time: an old change
// writes over the row what the row has.
// In production: applied=true makes the shop tell its watchers. With each redelivery they are told again that the lamp costs 24.99.
//
// want TestNewestStays: "then version 2, 17.99: Apply returned applied=true"

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

const merge = `
INSERT INTO prices (sku, version, cents, deleted, changed_at) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (sku) DO UPDATE SET
	version    = max(version, ?2),
	cents      = CASE WHEN ?2 > version THEN ?3 ELSE cents END,
	deleted    = CASE WHEN ?2 > version THEN ?4 ELSE deleted END,
	changed_at = CASE WHEN ?2 > version THEN ?5 ELSE changed_at END`

// Apply merges c into the table.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, fmt.Errorf("change of %q to %d cents, version %d: not possible", c.SKU, c.Price, c.Version)
	}
	result, err := db.ExecContext(ctx, merge, c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("merge the change of %s: %w", c.SKU, err)
	}
	touched, err := result.RowsAffected()
	return touched > 0, err
}
