package prices_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"warren.example/06-services/api/catalogpb"
	"warren.example/06-services/money"
	"warren.example/06-services/services/order/prices"
)

// A catalog answers with the next of its outcomes, and when there is none any more, well. codes.OK stands for no answer at all.
type catalog struct {
	catalogpb.CatalogClient
	outcomes []codes.Code
	asked    [][]string
}

const answer codes.Code = 99

func (c *catalog) GetProducts(ctx context.Context, r *catalogpb.GetProductsRequest, _ ...grpc.CallOption,
) (*catalogpb.GetProductsResponse, error) {
	c.asked = append(c.asked, r.GetSkus())
	outcome := answer
	if len(c.outcomes) > 0 {
		outcome, c.outcomes = c.outcomes[0], c.outcomes[1:]
	}
	switch outcome {
	case answer:
	case codes.OK:
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	default:
		return nil, status.Error(outcome, "no")
	}
	var found catalogpb.GetProductsResponse
	for _, sku := range r.GetSkus() {
		switch sku {
		case "gin": // isn't sold
		case "air":
			found.Products = append(found.Products, &catalogpb.Product{Sku: sku})
		default:
			found.Products = append(found.Products, &catalogpb.Product{Sku: sku, Price: &catalogpb.Money{Minor: 399, Currency: "EUR"}})
		}
	}
	return &found, nil
}

func of(c *catalog) prices.Catalog {
	return prices.Catalog{Client: c, Batch: 3, Each: 50 * time.Millisecond, All: 20 * time.Second, First: time.Millisecond}
}

func TestGet(t *testing.T) {
	c := &catalog{}
	got, err := of(c).Get(t.Context(), []string{"tea", "gin", "air", "cup", "tea", "pot"})
	require.NoError(t, err)
	tea := money.Of(399, "EUR")
	require.Equal(t, map[string]money.Money{"tea": tea, "cup": tea, "pot": tea}, got)
	require.Equal(t, [][]string{{"air", "cup", "gin"}, {"pot", "tea"}}, c.asked)
}

func TestAsksAgainWhereThatMayHelp(t *testing.T) {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		c := &catalog{outcomes: []codes.Code{code, code}}
		_, err := of(c).Get(t.Context(), []string{"tea"})
		if slices.Contains([]codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted}, code) {
			require.NoError(t, err, code)
			require.Len(t, c.asked, 3, code)
		} else {
			require.Equal(t, code, status.Code(err))
			require.Len(t, c.asked, 1, code)
		}
	}
}

func TestNoAnswerIsAskedAgain(t *testing.T) {
	c := &catalog{outcomes: []codes.Code{codes.OK}}
	_, err := of(c).Get(t.Context(), []string{"tea"})
	require.NoError(t, err)
	require.Len(t, c.asked, 2)
}

func TestGivesUp(t *testing.T) {
	c := &catalog{}
	for range 10_000 {
		c.outcomes = append(c.outcomes, codes.Unavailable)
	}
	limited := of(c)
	limited.All = 30 * time.Millisecond
	_, err := limited.Get(t.Context(), []string{"tea"})
	require.Equal(t, codes.Unavailable, status.Code(err), "what it says is why, not that time is over")
	require.True(t, prices.MayRetry(err))
	require.Greater(t, len(c.asked), 1)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.asked = nil
	_, err = of(c).Get(ctx, []string{"tea"})
	require.Error(t, err)
	require.LessOrEqual(t, len(c.asked), 1)
}

// All or nothing: an order can't be placed at half of its prices.
func TestOneBatchFails(t *testing.T) {
	c := &catalog{outcomes: []codes.Code{answer, codes.Internal}}
	var skus []string
	for n := range 7 {
		skus = append(skus, fmt.Sprint(n))
	}
	got, err := of(c).Get(t.Context(), skus)
	require.Equal(t, codes.Internal, status.Code(err))
	require.Nil(t, got)
	require.Len(t, c.asked, 2)
}
