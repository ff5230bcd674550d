package catalog

import (
	"context"
	"fmt"

	"warren.example/06-services/events"
	"warren.example/06-services/outbox"
)

// stockLevel keeps what the inventory says of a product. Levels come in any order, and the newest stays: the rule of 05/3. One
// statement looks and stores, so nobody comes in between.
func (c *catalog) stockLevel(ctx context.Context, tx *outbox.Tx, m events.Message, p events.StockLevel) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO stock (sku, available, version) VALUES ($1, $2, $3)
		ON CONFLICT (sku) DO UPDATE SET available = excluded.available, version = excluded.version
			WHERE excluded.version > stock.version`, p.SKU, p.Available, m.Version)
	if err != nil {
		return fmt.Errorf("store the stock of %s: %w", p.SKU, err)
	}
	return nil
}
