package audit_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	system "warren.example/06-services"
	"warren.example/06-services/api/inventorypb"
	"warren.example/06-services/audit"
	"warren.example/06-services/config"
	"warren.example/06-services/scenarios"
	"warren.example/06-services/shop"
	"warren.example/workshop/minirabbit"
	"warren.example/workshop/port"
)

// A whole shop is audited: orders of every fate, and then somebody who breaks in.
func TestShopKeepsItsWord(t *testing.T) {
	s := open(t)
	customer, prices := s.register(t), map[string]int{"cup": 1000, "declined": 1013, "lost": 1099, "stuck": 1067}
	for sku, minor := range prices {
		s.ask(t, s.gateway, s.admin, "PUT", "/products/"+sku,
			fmt.Sprintf(`{"title":"x","category":"cups","price":{"minor":%d,"currency":"EUR"}}`, minor), nil)
		s.ask(t, s.gateway, s.admin, "PUT", "/stock/"+sku, `{"available":10}`, nil)
		s.sources.Supplied[sku] = 10
	}
	for _, sku := range []string{"cup", "cup", "declined", "lost", "stuck"} {
		s.sources.Placed = append(s.sources.Placed, s.buy(t, customer, sku))
	}
	for i, status := range []string{"confirmed", "confirmed", "cancelled", "confirmed", "confirmed"} {
		s.becomes(t, customer, s.sources.Placed[i], status)
	}
	for i, status := range map[int]string{1: "refunded", 4: "refund_stuck"} {
		s.ask(t, s.gateway, customer, "POST", "/orders/"+s.sources.Placed[i]+"/refund", "", nil)
		s.becomes(t, customer, s.sources.Placed[i], status)
	}

	// The shop rests when it has kept its word. If it hasn't, it never does.
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		f, err := audit.Gather(s.ctx, s.sources)
		require.NoError(c, err)
		require.Len(c, f.Orders, 5)
		require.Len(c, f.Charges, 4)
		require.Len(c, f.Stock, 4)
		require.Len(c, f.Overdue, 1)
		require.Empty(c, audit.Judge(f))
	}, time.Minute, 50*time.Millisecond)

	s.ask(t, s.sources.Provider, "", "POST", "/charges", `{"amount":{"minor":500,"currency":"EUR"}}`, nil)
	s.ask(t, s.gateway, s.admin, "PUT", "/stock/cup", `{"available":1}`, nil)
	f, err := audit.Gather(s.ctx, s.sources)
	require.NoError(t, err)
	violations := audit.Judge(f)
	require.Len(t, violations, 2, "%v", violations)
	require.Equal(t, audit.Goods, violations[0].Rule)
	require.Equal(t, audit.Money, violations[1].Rule)
}

type house struct {
	ctx            context.Context
	gateway, admin string
	sources        audit.Sources
}

func open(t *testing.T) *house {
	broker := minirabbit.Run(t)
	settings := maps.Clone(scenarios.Impatient())
	var ports port.Allocator
	number, err := ports.Port(0)
	require.NoError(t, err)
	settings["SHOP_FOLDER"], settings["WORKSHOP_AMQP_URL"] = t.TempDir(), broker.URL()
	settings["SHOP_GATEWAY_LISTEN"] = fmt.Sprintf("127.0.0.1:%d", number)
	c, err := config.Read(settings)
	require.NoError(t, err)
	running, err := shop.Start(shop.Options{Config: c, All: system.Services(), Log: io.Discard})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, running.Stop(context.Background())) })
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	require.NoError(t, running.Ready(ctx))

	conn, err := amqp.Dial(broker.URL())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	inventory, err := grpc.NewClient(running.GRPC("inventory"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { inventory.Close() })
	s := &house{ctx: ctx, gateway: "http://" + running.Address("gateway"), sources: audit.Sources{
		HTTP: http.DefaultClient, Order: "http://" + running.Address("order"), Provider: "http://" + running.Address("provider"),
		Inventory: inventorypb.NewInventoryClient(inventory), Broker: conn, Supplied: map[string]int{},
		Parked: []string{"order.parked", "inventory.parked", "payment.parked", "shipping.parked", "notification.parked"},
	}}
	s.admin = s.login(t, c.Admin.Email, c.Admin.Password)
	s.sources.Token = s.admin
	return s
}

func (s *house) ask(t *testing.T, base, token, method, path, body string, v any) {
	t.Helper()
	r, err := http.NewRequestWithContext(s.ctx, method, base+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Idempotency-Key", rand.Text())
	r.Header.Set("Content-Type", "application/json")
	if strings.Contains(body, "grant_type") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Less(t, answer.StatusCode, 300, "%s %s: %s", method, path, text)
	if v != nil {
		require.NoError(t, json.Unmarshal(text, v))
	}
}

func (s *house) login(t *testing.T, email, password string) string {
	t.Helper()
	var got struct {
		Token string `json:"access_token"`
	}
	s.ask(t, s.gateway, "", "POST", "/token",
		url.Values{"grant_type": {"password"}, "username": {email}, "password": {password}}.Encode(), &got)
	return got.Token
}

func (s *house) register(t *testing.T) string {
	t.Helper()
	s.ask(t, s.gateway, "", "POST", "/users", `{"name":"Ada","email":"ada@example.org","password":"a-long-password"}`, nil)
	return s.login(t, "ada@example.org", "a-long-password")
}

func (s *house) buy(t *testing.T, token, sku string) string {
	t.Helper()
	var o struct{ ID string }
	s.ask(t, s.gateway, token, "POST", "/orders", `{"items":[{"sku":"`+sku+`","quantity":1}]}`, &o)
	return o.ID
}

func (s *house) becomes(t *testing.T, token, id, status string) {
	t.Helper()
	for deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond); ; {
		var o struct{ Status string }
		s.ask(t, s.gateway, token, "GET", "/orders/"+id, "", &o)
		if o.Status == status {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			require.Equal(t, status, o.Status)
		}
	}
}
