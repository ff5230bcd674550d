// Keeps the versions in a map, which is quicker than to ask the table. The map is empty after each start, and a second instance has
// its own.
// In production: after a deployment the first change that comes counts as new, whatever its version is. A replay of dead letters in
// that minute brings back the prices of last week.
//
// want TestTableIsTheMemory: "then version 4, 17.99. The table has version 4, 17.99"

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

type key struct {
	db  *sql.DB
	sku string
}

var newest = struct {
	sync.Mutex
	versions map[key]int64
}{versions: map[key]int64{}}

// Apply stores c unless it has seen a newer one.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" || c.Version < 1 || c.Price < 0 {
		return false, fmt.Errorf("bad change: %v", c)
	}
	newest.Lock()
	defer newest.Unlock()
	product := key{db, c.SKU}
	if c.Version <= newest.versions[product] {
		return false, nil
	}
	_, err = db.ExecContext(ctx, "REPLACE INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, ?, ?, ?)",
		c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("store %s: %w", c.SKU, err)
	}
	newest.versions[product] = c.Version
	return true, nil
}
