// A deletion is taken for final: it is stored whatever version it has. Only the version in the row never falls.
// In production: the lamp was sold out, and is back. The deletion of last month is replayed from the dead letters with some others,
// and takes the lamp off the shelf again.
//
// want TestDeletionIsAVersion: "then version 5, deleted. The table has version 6, deleted=1"

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

// Apply stores c.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, fmt.Errorf("not a change: %+v", c)
	}
	deleted := 0
	if c.Deleted {
		deleted = 1
	}
	at := c.At.UnixMilli()
	result, err := db.ExecContext(ctx, `
		INSERT INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (sku) DO UPDATE SET
			version    = max(version, excluded.version),
			cents      = excluded.cents,
			deleted    = excluded.deleted,
			changed_at = max(changed_at, excluded.changed_at)
		WHERE version < excluded.version OR excluded.deleted > deleted`,
		c.SKU, c.Version, c.Price, deleted, at)
	if err != nil {
		return false, fmt.Errorf("apply the change of %s: %w", c.SKU, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("rows affected: %w", err)
	}
	return n != 0, nil
}
