package infrastructure

import (
	"context"
	"fmt"

	"warren.example/06-services/api/catalogpb"
	"warren.example/06-services/money"
	"warren.example/06-services/services/order/application"
	"warren.example/06-services/services/order/prices"
)

// Prices returns the application's port to the catalog.
func Prices(client catalogpb.CatalogClient) application.Prices {
	catalog := prices.Default(client)
	return func(ctx context.Context, skus []string) (map[string]money.Money, error) {
		found, err := catalog.Get(ctx, skus)
		if err != nil && prices.MayRetry(err) {
			return nil, fmt.Errorf("%w: %w", application.ErrNoPrices, err)
		}
		return found, err
	}
}
