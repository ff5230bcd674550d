package catalog

import (
	"context"
	"fmt"

	"warren.example/06-services/money"
	"warren.example/06-services/outbox"
)

// Samples are what a new shop sells. The last two digits of an order's total decide what the simulated provider of payments
// does, so three of them, ordered alone, lead down the shop's darker paths.
var Samples = []Product{
	sample("cup-glass", "Glass cup, 0.2 l", "cups", 850),
	sample("cup-porcelain", "Porcelain cup, 0.15 l", "cups", 1250),
	sample("cup-traveller", "Cup with a lid, 0.4 l", "cups", 1900),
	sample("tea-assam", "Assam, 250 g", "tea", 990),
	sample("tea-darjeeling", "Darjeeling first flush, 100 g", "tea", 1490),
	sample("tea-earl-grey", "Earl Grey, 250 g", "tea", 890),
	sample("tea-sencha", "Sencha, 100 g", "tea", 1150),
	sample("teapot-clay", "Clay teapot, 0.5 l", "teapots", 4200),
	sample("teapot-iron", "Cast iron teapot, 0.9 l", "teapots", 6950),
	sample("teapot-declined", "Teapot that no bank pays for", "teapots", 2913),
	sample("teapot-silent", "Teapot whose bank never answers", "teapots", 2977),
	sample("teapot-lost", "Teapot whose bank takes the money, and its answer is lost", "teapots", 2999),
}

func sample(sku, title, category string, minor int64) Product {
	return Product{SKU: sku, Title: title, Category: category, Price: money.Of(minor, "EUR")}
}

// insertSamples stores the samples that were never there, and tells the others. One that was changed or deleted stays so.
func (c *catalog) insertSamples(ctx context.Context) error {
	return c.box.Do(ctx, func(ctx context.Context, tx *outbox.Tx) error {
		for _, p := range Samples {
			p.Version = 1
			result, err := tx.ExecContext(ctx, `
				INSERT INTO products (sku, title, category, minor, currency, version, deleted)
				VALUES ($1, $2, $3, $4, $5, $6, FALSE) ON CONFLICT DO NOTHING`,
				p.SKU, p.Title, p.Category, p.Price.Minor, p.Price.Currency, p.Version)
			if err != nil {
				return fmt.Errorf("store product %s: %w", p.SKU, err)
			}
			if n, err := result.RowsAffected(); err != nil {
				return fmt.Errorf("store product %s: %w", p.SKU, err)
			} else if n == 0 {
				continue
			}
			if err := sendPrice(ctx, tx, p, false); err != nil {
				return err
			}
		}
		return nil
	})
}
