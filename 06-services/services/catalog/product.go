package catalog

import (
	"context"
	"fmt"
	"regexp"

	"warren.example/06-services/money"
)

// A Product is something that the shop sells.
type Product struct {
	SKU      string      `json:"sku"` // stock keeping unit: its name among programs
	Title    string      `json:"title"`
	Category string      `json:"category"`
	Price    money.Money `json:"price"`
	InStock  bool        `json:"in_stock"` // what the inventory said last; to order is to know
	Version  int64       `json:"-"`        // counts its changes
}

// validSKU tells whether a text can be a SKU: letters, digits, dot, dash and underscore, at most 64.
func validSKU(s string) bool { return sku.MatchString(s) }

var sku = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// validCategory tells whether a text can be a category.
func validCategory(s string) bool { return validSKU(s) }

// query returns the products that are sold and meet a condition, which begins with AND.
func (c *catalog) query(ctx context.Context, condition string, args ...any) ([]Product, error) {
	rows, err := c.db.QueryContext(ctx, `
		SELECT sku, title, category, minor, currency, products.version, COALESCE(available, 0) > 0
		FROM products LEFT JOIN stock USING (sku) WHERE NOT deleted `+condition, args...)
	if err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	defer rows.Close()
	found := []Product{}
	for rows.Next() {
		var p Product
		err := rows.Scan(&p.SKU, &p.Title, &p.Category, &p.Price.Minor, &p.Price.Currency, &p.Version, &p.InStock)
		if err != nil {
			return nil, fmt.Errorf("read a product: %w", err)
		}
		found = append(found, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	return found, nil
}
