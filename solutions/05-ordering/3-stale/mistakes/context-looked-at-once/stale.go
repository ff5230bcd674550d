// Looks at ctx when it begins, and then works without it. While it waits for another program's transaction nobody can stop it.
// In production: a nightly import holds the table for minutes. The service is told to stop, hangs, and is killed; with it die the
// handlers that were about to finish.
//
// want TestEndedContext: "waited for another program"

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

// Apply stores c if it is newer, unless ctx has ended.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("not applied: %w", err)
	}
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, errors.New("not applied: bad change")
	}
	result, err := db.Exec(`
		INSERT INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (sku) DO UPDATE
		SET version = excluded.version, cents = excluded.cents, deleted = excluded.deleted, changed_at = excluded.changed_at
		WHERE excluded.version > version`,
		c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("not applied: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
