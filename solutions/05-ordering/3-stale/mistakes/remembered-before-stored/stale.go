// Spares the database what it has seen before: each version is noted in memory, then stored. If the storing fails, the note stays.
// In production: the disk is full for a minute. The messages of that minute are given back, come again, and are acked as known.
// Until the next change the shop shows the old prices.
//
// want TestFailureIsTold: "then the same program got it once more: the table has no row"

package stale

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
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

// seen keeps the highest version of each product that has come here.
var seen = versions{highest: map[product]int64{}}

type product struct {
	db  *sql.DB
	sku string
}

type versions struct {
	mu      sync.Mutex
	highest map[product]int64
}

// raise notes a version, and tells whether it is higher than all before.
func (v *versions) raise(p product, version int64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if version <= v.highest[p] {
		return false
	}
	v.highest[p] = version
	return true
}

// Apply stores c, unless something as new was seen, or is in the table.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	switch {
	case c.SKU == "", c.Version < 1, c.Price < 0:
		return false, fmt.Errorf("no good change: %+v", c)
	case ctx.Err() != nil:
		return false, ctx.Err()
	case !seen.raise(product{db, c.SKU}, c.Version):
		return false, nil // the database needn't be asked
	}
	result, err := db.ExecContext(ctx, `
		INSERT INTO prices AS p (sku, version, cents, deleted, changed_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (sku) DO UPDATE SET version = $2, cents = $3, deleted = $4, changed_at = $5 WHERE p.version < $2`,
		c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("store %s, version %d: %w", c.SKU, c.Version, err)
	}
	stored, err := result.RowsAffected()
	return err == nil && stored == 1, err
}
