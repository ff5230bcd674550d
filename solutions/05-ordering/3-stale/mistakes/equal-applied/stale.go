// Not older is taken for newer: the same version is stored once more.
// In production: each redelivery counts as a change of the price. And of two changes that were given the same number, each instance
// of the shop keeps the one that came last to it.
//
// want TestSameAgainChangesNothing: "version 2, 24.99; then version 2, 24.99: Apply returned applied=true"

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

// Apply stores c, unless a newer change is there.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if c.SKU == "" {
		return false, errors.New("the change has no SKU")
	}
	if c.Version < 1 || c.Price < 0 {
		return false, fmt.Errorf("%s: version %d, price %d", c.SKU, c.Version, c.Price)
	}
	var version int64
	err = db.QueryRowContext(ctx, `
		INSERT INTO prices (sku, version, cents, deleted, changed_at)
		VALUES (@sku, @version, @cents, @deleted, @at)
		ON CONFLICT (sku) DO UPDATE
		SET (version, cents, deleted, changed_at) = (@version, @cents, @deleted, @at)
		WHERE NOT @version < prices.version
		RETURNING version`,
		sql.Named("sku", c.SKU), sql.Named("version", c.Version), sql.Named("cents", c.Price),
		sql.Named("deleted", c.Deleted), sql.Named("at", c.At.UnixMilli())).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
