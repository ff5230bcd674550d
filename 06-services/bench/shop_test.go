package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	system "warren.example/06-services"
	"warren.example/06-services/config"
	"warren.example/06-services/shop"
)

const (
	customers = 64
	products  = 20
	patience  = 2 * time.Minute // for anything at all
)

// A running shop with its customers.
type running struct {
	shop   *shop.Shop
	watch  *watch
	http   *http.Client
	tokens []string
	orders atomic.Int64 // that were placed
	// deliveries says how many services get a message of a type; each is how many messages services get because of an order.
	deliveries map[string]int
	each       int
}

// open starts the shop in a folder, with products and customers.
// It returns when they are there.
func open(b testing.TB, amqp, folder string) *running {
	c, err := config.Read(map[string]string{
		"SHOP_FOLDER": folder, "WORKSHOP_AMQP_URL": amqp, "SHOP_GATEWAY_LISTEN": "127.0.0.1:0",
		"SHOP_SAMPLES": "false", "SHOP_ADMIN_PASSWORD": "the administrator's", "SHOP_PASSWORD_COST": "4",
		"SHOP_TOKEN_LIFE": "24h", "SHOP_GATEWAY_RATE": "1e9", "SHOP_GATEWAY_BURST": "1000000000", "SHOP_GATEWAY_WAIT": "60s",
		// An order that has to wait for others is slow, and not lost.
		"SHOP_RESERVE_WAIT": "60s", "SHOP_CHARGE_WAIT": "60s", "SHOP_UNDO_WAIT": "60s", "SHOP_OUTBOX_AGE": "60s",
		"SHOP_PARCEL": "100ms", "SHOP_LOG_LEVEL": "warn",
	})
	require.NoError(b, err)
	s := &running{watch: newWatch(), deliveries: deliveries(b), http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * *inFlight}}}
	beside("shop", func() {
		s.shop, err = shop.Start(shop.Options{Config: c, All: system.Services(), Hooks: s.watch.hooks(), Log: os.Stderr})
	})
	require.NoError(b, err)
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	require.NoError(b, s.shop.Ready(ctx))
	admin := s.login(b, c.Admin.Email, c.Admin.Password)
	for i := range products {
		s.put(b, admin, "/products/"+sku(i), map[string]any{"title": "A thing", "category": "things",
			"price": map[string]any{"minor": 1000, "currency": "EUR"}})
		s.put(b, admin, "/stock/"+sku(i), map[string]any{"available": 1_000_000_000})
	}
	for i := range customers {
		name := fmt.Sprintf("customer%d@example.org", i)
		_, _ = s.ask(b, "POST", "/users", "", map[string]any{"name": "A customer", "email": name, "password": "a password"})
		s.tokens = append(s.tokens, s.login(b, name, "a password"))
	}
	s.settle(b, func() bool { return true })
	return s
}

func (s *running) stop(b testing.TB) {
	s.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	require.NoError(b, s.shop.Stop(ctx))
}

func sku(i int) string { return fmt.Sprintf("thing-%d", i%products) }

// buy lets customers place n orders, width at a time, each waiting until its order is confirmed. It returns how long it took
// until all were confirmed, and until all that follows from them was done.
func (s *running) buy(b testing.TB, n, width int) (confirmed, done time.Duration) {
	all := s.watch.after(n * s.each)
	var left atomic.Int64
	left.Store(int64(n))
	began := time.Now()
	beside("load", func() {
		var crowd sync.WaitGroup
		for range width {
			crowd.Go(func() {
				for left.Add(-1) >= 0 {
					if _, err := s.order(b.Context()); err != nil {
						b.Error(err)
						left.Store(0)
					}
				}
			})
		}
		crowd.Wait()
	})
	confirmed = time.Since(began)
	select {
	case <-all:
	case <-time.After(patience):
		require.FailNow(b, "not all messages were handled")
	}
	return confirmed, time.Since(began)
}

// latencies places n orders at a rate, whether others are confirmed or not, and returns how long half of them and 99 of 100 took
// at most, from the moment when they were to be placed.
func (s *running) latencies(b testing.TB, rate float64, n int) (p50, p99 time.Duration) {
	all := s.watch.after(n * s.each)
	took := make([]time.Duration, n)
	ticker := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer ticker.Stop()
	beside("load", func() {
		var crowd sync.WaitGroup
		began := time.Now()
		for i := range n {
			due := began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
			for time.Now().Before(due) {
				<-ticker.C
			}
			crowd.Go(func() {
				at, err := s.order(b.Context())
				if err != nil {
					b.Error(err)
				}
				took[i] = at.Sub(due)
			})
		}
		crowd.Wait()
	})
	select {
	case <-all:
	case <-time.After(patience):
		require.FailNow(b, "not all messages were handled")
	}
	slices.Sort(took)
	return took[n/2], took[n*99/100]
}

// order places an order of one product, waits until it is confirmed, and returns when that was.
func (s *running) order(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	i := int(s.orders.Add(1))
	id, err := s.place(ctx, i, fmt.Sprintf("%v-%d", s.shop.Address("gateway"), i))
	if err != nil {
		return time.Time{}, err
	}
	at, err := s.watch.await(ctx, id)
	if err != nil {
		return at, fmt.Errorf("order %s is not confirmed: %w", id, err)
	}
	return at, nil
}

// place places the customers' i-th order under a key, and returns its id.
func (s *running) place(ctx context.Context, i int, key string) (string, error) {
	body := fmt.Sprintf(`{"items":[{"sku":%q,"quantity":1}]}`, sku(i))
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+s.shop.Address("gateway")+"/orders", bytes.NewReader([]byte(body)))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.tokens[i%len(s.tokens)])
	r.Header.Set("Idempotency-Key", key)
	answer, err := s.http.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusAccepted {
		return "", fmt.Errorf("POST /orders: %s: %s %w", answer.Status, text, err)
	}
	var placed struct{ ID string }
	err = json.Unmarshal(text, &placed)
	return placed.ID, err
}

func (s *running) put(b testing.TB, token, path string, body any) {
	status, text := s.ask(b, "PUT", path, token, body)
	require.Less(b, status, 300, "%s: %s", path, text)
}

// ask asks the gateway.
func (s *running) ask(b testing.TB, method, path, token string, body any) (status int, text []byte) {
	text, err := json.Marshal(body)
	require.NoError(b, err)
	r, err := http.NewRequestWithContext(b.Context(), method, "http://"+s.shop.Address("gateway")+path, bytes.NewReader(text))
	require.NoError(b, err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := s.http.Do(r)
	require.NoError(b, err)
	defer answer.Body.Close()
	text, err = io.ReadAll(answer.Body)
	require.NoError(b, err)
	return answer.StatusCode, text
}

func (s *running) login(b testing.TB, email, password string) string {
	answer, err := s.http.PostForm("http://"+s.shop.Address("gateway")+"/token",
		url.Values{"grant_type": {"password"}, "username": {email}, "password": {password}})
	require.NoError(b, err)
	defer answer.Body.Close()
	var got struct {
		Token string `json:"access_token"`
	}
	require.NoError(b, json.NewDecoder(answer.Body).Decode(&got))
	require.NotEmpty(b, got.Token)
	return got.Token
}
