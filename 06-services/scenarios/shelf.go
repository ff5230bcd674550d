package scenarios

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"warren.example/06-services/api/inventorypb"
)

// stocked is how many there are of a product in the beginning.
const stocked = 10

// sells puts a product on sale and waits until it can be ordered. The price, in cents, decides what the payment provider does.
func sells(t *testing.T, s *System, cents int) (sku string) {
	t.Helper()
	admin := login(t, s, s.Admin.Email, s.Admin.Password)
	sku = "thing-" + strings.ToLower(rand.Text()[:10])
	admin.insist(t, http.StatusCreated, "PUT", "/products/"+sku, map[string]any{"title": "A thing", "category": "things",
		"price": map[string]any{"minor": cents, "currency": "EUR"}})
	admin.stock(t, sku, stocked)
	return sku
}

func (p *person) stock(t *testing.T, sku string, available int) {
	t.Helper()
	p.insist(t, http.StatusOK, "PUT", "/stock/"+sku, map[string]int{"available": available})
	p.system.mu.Lock()
	defer p.system.mu.Unlock()
	if p.system.supplied == nil {
		p.system.supplied = make(map[string]int)
	}
	p.system.supplied[sku] = available
}

// left waits until so many of a product can be ordered, and none is kept for an order: when all is over.
func left(t *testing.T, s *System, sku string, want int64) {
	t.Helper()
	conn, err := grpc.NewClient(s.Inventory, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	inventory := inventorypb.NewInventoryClient(conn)
	await(t, fmt.Sprintf("%d of %s are left and none is reserved", want, sku), func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		answer, err := inventory.GetStock(ctx, &inventorypb.GetStockRequest{Skus: []string{sku}})
		if err != nil || len(answer.GetLevels()) != 1 {
			return false
		}
		level := answer.GetLevels()[0]
		return level.GetAvailable() == want && level.GetReserved() == 0
	})
}

// A payment is what GET /payments/{order} says.
type payment struct {
	State  string `json:"state"`
	Amount struct {
		Minor int64 `json:"minor"`
	} `json:"amount"`
	Refunds []struct {
		State string `json:"state"`
	} `json:"refunds"`
}

// paid returns the payment for an order.
func paid(t *testing.T, s *System, id string) payment {
	t.Helper()
	var p payment
	login(t, s, s.Admin.Email, s.Admin.Password).insist(t, http.StatusOK, "GET", "/payments/"+id, nil).read(t, &p)
	return p
}
