// Package prices asks the catalog what products cost.
package prices

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"warren.example/06-services/api/catalogpb"
	"warren.example/06-services/money"
)

// A Catalog asks for prices. Client is one of the catalog's gRPC.
type Catalog struct {
	Client catalogpb.CatalogClient
	Batch  int           // how many products are asked for at once: at most 100, the catalog's limit (catalog.proto)
	Each   time.Duration // how long one answer is waited for
	All    time.Duration // how long all of it may take, with what is tried again
	First  time.Duration // about how long to wait before the second try; doubled with each further one
}

// Default returns the settings that the shop uses.
func Default(client catalogpb.CatalogClient) Catalog {
	return Catalog{Client: client, Batch: 100, Each: time.Second, All: 3 * time.Second, First: 50 * time.Millisecond}
}

// Get returns the prices of products. One that isn't sold is not in the map. All or nothing: if one batch can't be had, it
// returns an error with the gRPC status of the last answer.
func (c Catalog) Get(ctx context.Context, skus []string) (map[string]money.Money, error) {
	ctx, cancel := context.WithTimeout(ctx, c.All)
	defer cancel()
	skus = slices.Compact(slices.Sorted(slices.Values(skus)))
	prices := make(map[string]money.Money, len(skus))
	for batch := range slices.Chunk(skus, c.Batch) {
		products, err := c.ask(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("ask the catalog for %d prices: %w", len(batch), err)
		}
		for _, p := range products {
			if p.GetPrice() != nil {
				prices[p.GetSku()] = money.Of(p.GetPrice().GetMinor(), p.GetPrice().GetCurrency())
			}
		}
	}
	return prices, nil
}

// ask asks for one batch, again if that may help and there is time.
func (c Catalog) ask(ctx context.Context, skus []string) ([]*catalogpb.Product, error) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = c.First
	var last error
	response, err := backoff.Retry(ctx, func() (*catalogpb.GetProductsResponse, error) {
		one, cancel := context.WithTimeout(ctx, c.Each)
		defer cancel()
		response, err := c.Client.GetProducts(one, &catalogpb.GetProductsRequest{Skus: skus})
		if err == nil {
			return response, nil
		}
		last = err
		if !MayRetry(err) {
			return nil, backoff.Permanent(err)
		}
		return nil, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0))
	if err != nil {
		if last != nil { // it says more than that the time is over
			err = last
		}
		return nil, err
	}
	return response.GetProducts(), nil
}

// MayRetry tells whether to ask again may help, and can't do harm: to read prices changes nothing, so an answer that may be
// lost is no hindrance. gRPC's documentation of the status codes says of UNAVAILABLE "most likely a transient condition"; a
// DEADLINE_EXCEEDED here is that of one try. All others would be the same again.
func MayRetry(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted:
		return true
	}
	return false
}
