package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"warren.example/06-services/api/catalogpb"
	"warren.example/06-services/events"
)

// GetProducts returns the products that are sold, of those asked for. Every order asks it, so the answers are cached. A cache
// that fails is no reason to sell nothing: the database is asked instead.
func (c *catalog) GetProducts(ctx context.Context, r *catalogpb.GetProductsRequest) (*catalogpb.GetProductsResponse, error) {
	if len(r.GetSkus()) > listMax {
		return nil, status.Errorf(codes.InvalidArgument, "at most %d products", listMax)
	}
	wanted := make(map[string]bool)
	for _, sku := range r.GetSkus() {
		if validSKU(sku) { // what is none can't be sold
			wanted[sku] = true
		}
	}
	found, err := c.cache.Get(ctx, slices.Collect(maps.Keys(wanted)))
	if err != nil {
		c.log.Warn("the cache fails", "error", err)
		c.observe("cache.error", 1)
	}
	c.observe("cache.hit", float64(len(found)))
	for _, p := range found {
		delete(wanted, p.SKU)
	}
	if len(wanted) > 0 {
		c.observe("cache.miss", float64(len(wanted)))
		read, err := c.selectProducts(ctx, slices.Collect(maps.Keys(wanted)))
		if err != nil {
			c.log.Error("GetProducts", "error", err)
			return nil, status.Error(codes.Internal, "the catalog has a fault")
		}
		if err := c.cache.Fill(ctx, read); err != nil {
			c.log.Warn("the cache can't be filled", "error", err)
			c.observe("cache.error", 1)
		}
		found = append(found, read...)
	}
	answer := &catalogpb.GetProductsResponse{}
	for _, p := range found {
		answer.Products = append(answer.Products, &catalogpb.Product{Sku: p.SKU, Title: p.Title, Category: p.Category,
			Price: &catalogpb.Money{Minor: p.Price.Minor, Currency: p.Price.Currency}})
	}
	return answer, nil
}

func (c *catalog) selectProducts(ctx context.Context, skus []string) ([]Product, error) {
	marks, args := make([]string, len(skus)), make([]any, len(skus))
	for i, sku := range skus {
		marks[i], args[i] = fmt.Sprintf("$%d", i+1), sku
	}
	return c.query(ctx, "AND sku IN ("+strings.Join(marks, ", ")+")", args...)
}

// priceChanged comes to each instance when any of them has changed a product.
func (c *catalog) priceChanged(ctx context.Context, m events.Message) error {
	p, err := events.Decode[events.ProductPriceChanged](m)
	if err != nil {
		return err
	}
	return c.cache.Drop(ctx, p.SKU, m.Version)
}

// missed comes when changes may have been missed: the connection was lost.
func (c *catalog) missed() {
	if err := c.cache.Clear(context.Background()); err != nil {
		c.log.Warn("the cache can't be cleared: prices may be old for a minute", "error", err)
	}
}
