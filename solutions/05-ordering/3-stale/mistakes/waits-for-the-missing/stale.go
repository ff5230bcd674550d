// Takes a version only if it is the next one, so that none can be missed. What is too early is left for later: it will come again,
// and nobody sends it again.
// In production: one change of the lamp is lost, or was parked. From then on each further price of the lamp is thrown away.
//
// want TestNewestStays: "then version 4, 24.99. The table has version 1, 19.99"

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

// Apply stores c if it follows the version that is stored.
func Apply(ctx context.Context, db *sql.DB, c Change) (applied bool, err error) {
	if err := c.check(); err != nil {
		return false, err
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{})
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }()
	last, err := lastVersion(ctx, tx, c.SKU)
	if err != nil {
		return false, err
	}
	if last > 0 && c.Version != last+1 {
		return false, nil // known, or too early
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO prices VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT DO UPDATE SET version = $2, cents = $3, deleted = $4, changed_at = $5`,
		c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("store %s: %w", c.SKU, err)
	}
	return true, tx.Commit()
}

func (c Change) check() error {
	switch {
	case c.SKU == "":
		return errors.New("no SKU")
	case c.Version < 1:
		return fmt.Errorf("version %d of %s", c.Version, c.SKU)
	case c.Price < 0:
		return fmt.Errorf("price %d of %s", c.Price, c.SKU)
	}
	return nil
}

func lastVersion(ctx context.Context, tx *sql.Tx, sku string) (version int64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT version FROM prices WHERE sku = ?", sku).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return version, err
}
