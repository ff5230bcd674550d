// Version 0 is taken for "no version known", which was sent before there were versions: such a change is stored if nothing else is
// there.
// In production: a publisher forgets to fill in the version. Each of its changes is acked, the first one stays for ever, and nobody
// hears that something is wrong.
//
// want TestBadChangeLosesNothing: "version 0 of an unknown product: Apply returned applied=true and no error"

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

// Apply stores c if it is newer. Changes without a version come before all others.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	for bad, problem := range map[string]bool{"SKU": c.SKU == "", "version": c.Version < 0, "price": c.Price < 0} {
		if problem {
			return false, fmt.Errorf("bad %s in %+v", bad, c)
		}
	}
	if c.Version == 0 {
		var known bool
		err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM prices WHERE sku = ?)", c.SKU).Scan(&known)
		if err != nil {
			return false, fmt.Errorf("look for %s: %w", c.SKU, err)
		}
		if known {
			return false, fmt.Errorf("%s has versions, and this change has none", c.SKU)
		}
	}
	result, err := db.ExecContext(ctx, `
		INSERT INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (sku) DO UPDATE
		SET version = excluded.version, cents = excluded.cents, deleted = excluded.deleted, changed_at = excluded.changed_at
		WHERE prices.version < excluded.version`, c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("store the price of %s: %w", c.SKU, err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}
