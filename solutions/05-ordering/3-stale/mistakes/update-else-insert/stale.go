// Updates what is older; nothing was, so there may be no row: inserts one, and leaves an existing one alone. Each statement is
// safe, and between them somebody else makes the row, with an older version.
// In production: the first two changes of a new product come at the same moment, to two consumers. The older one stays, and both
// messages are acked.
//
// want TestTwoAtOnce: "another program came with version 1, 19.99. The table has version 1, 19.99"

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

// Apply stores c: it updates the row, or makes one.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, fmt.Errorf("unusable change %+v", c)
	}
	statements := []struct {
		query string
		args  []any
	}{
		{
			`UPDATE prices SET version = ?, cents = ?, deleted = ?, changed_at = ? WHERE sku = ? AND version < ?`,
			[]any{c.Version, c.Price, c.Deleted, c.At.UnixMilli(), c.SKU, c.Version},
		},
		{
			`INSERT INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			[]any{c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli()},
		},
	}
	for _, s := range statements {
		result, err := db.ExecContext(ctx, s.query, s.args...)
		if err != nil {
			return false, fmt.Errorf("store the price of %s: %w", c.SKU, err)
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return n > 0, err
		}
	}
	return false, nil // there is a newer one
}
