// Stores what comes, as it comes. In the order in which changes are made that is right.
// In production: a change waits in a retry queue for a minute, and a newer one passes it. Then the older one comes back, and the
// shop sells at last week's price until somebody changes it again.
//
// want TestNewestStays: "then version 2, 17.99. The table has version 2, 17.99"

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

var errBad = errors.New("a change needs a SKU, a version from 1 and a price from 0")

// Apply stores c.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if len(c.SKU) == 0 || c.Version < 1 || c.Price < 0 {
		return false, errBad
	}
	const replace = `INSERT OR REPLACE INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, ?, ?, ?)`
	if _, err := db.ExecContext(ctx, replace, c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli()); err != nil {
		return false, fmt.Errorf("replace: %w", err)
	}
	return true, nil
}
