package scenarios

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A person uses the shop with a token.
type person struct {
	system *System
	token  string
}

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// read reads the answer's JSON.
func (a answer) read(t *testing.T, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.body, v), "%s", a.body)
}

// An order is what GET /orders/{id} says.
type order struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Reason string `json:"reason"`
}

// patience is how long anything may take that must happen in the end. It is long: machines may be slow, and brokers gone.
const patience = 60 * time.Second

// await asks until done is true.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline, ticker := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline:
			require.FailNow(t, "it did not happen: "+what)
		}
	}
}

// ask sends a request. What can't be sent has status 0.
func (p *person) ask(t *testing.T, method, path string, body any, header ...string) answer {
	t.Helper()
	var text []byte
	if form, ok := body.(url.Values); ok {
		text = []byte(form.Encode())
		header = append(header, "Content-Type", "application/x-www-form-urlencoded")
	} else if body != nil {
		var err error
		text, err = json.Marshal(body)
		require.NoError(t, err)
		header = append(header, "Content-Type", "application/json")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, p.system.Gateway+path, bytes.NewReader(text))
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.StatusCode, response.Header, content}
}

// insist is ask, again and again until the status is the wanted one: services may be on their way up.
func (p *person) insist(t *testing.T, status int, method, path string, body any, header ...string) answer {
	t.Helper()
	var a answer
	await(t, fmt.Sprintf("%s %s is answered with %d", method, path, status), func() bool {
		a = p.ask(t, method, path, body, header...)
		if a.status != status && a.status != 0 && a.status < http.StatusInternalServerError {
			require.Equal(t, status, a.status, "%s %s: %s", method, path, a.body)
		}
		return a.status == status
	})
	return a
}

// login returns somebody who has an account.
func login(t *testing.T, s *System, email, password string) *person {
	t.Helper()
	p := &person{system: s}
	var got struct {
		Token string `json:"access_token"`
	}
	p.insist(t, http.StatusOK, "POST", "/token",
		url.Values{"grant_type": {"password"}, "username": {email}, "password": {password}}).read(t, &got)
	require.NotEmpty(t, got.Token)
	return &person{s, got.Token}
}

// newCustomer registers somebody.
func newCustomer(t *testing.T, s *System) *person {
	t.Helper()
	name := strings.ToLower(rand.Text()[:10])
	somebody := map[string]any{"name": name, "email": name + "@example.org", "password": "a password of " + name}
	(&person{system: s}).insist(t, http.StatusCreated, "POST", "/users", somebody)
	return login(t, s, name+"@example.org", "a password of "+name)
}

// buy places an order of one.
func (p *person) buy(t *testing.T, sku string) string {
	t.Helper()
	return p.order(t, sku, rand.Text())
}

// order places an order of one under an idempotency key, and returns its id.
func (p *person) order(t *testing.T, sku, key string) string {
	t.Helper()
	a := p.insist(t, http.StatusAccepted, "POST", "/orders",
		map[string]any{"items": []any{map[string]any{"sku": sku, "quantity": 1}}}, "Idempotency-Key", key)
	var o order
	a.read(t, &o)
	require.NotEmpty(t, o.ID)
	require.Equal(t, "/orders/"+o.ID, a.header.Get("Location"))
	p.system.mu.Lock()
	defer p.system.mu.Unlock()
	p.system.placed = append(p.system.placed, o.ID)
	return o.ID
}

// see returns an order as it is now.
func (p *person) see(t *testing.T, id string) order {
	t.Helper()
	var o order
	p.insist(t, http.StatusOK, "GET", "/orders/"+id, nil).read(t, &o)
	return o
}

// becomes waits until an order has a status that it keeps, and returns it.
func (p *person) becomes(t *testing.T, id, status string) order {
	t.Helper()
	var o order
	await(t, "order "+id+" becomes "+status, func() bool {
		o = p.see(t, id)
		if o.Status != status && (o.Status == "cancelled" || o.Status == "refunded" || o.Status == "refund_stuck") {
			require.Equal(t, status, o.Status, "order %s, reason %q", id, o.Reason)
		}
		return o.Status == status
	})
	return o
}

// ends waits until an order is confirmed or cancelled, and returns it.
func (p *person) ends(t *testing.T, id string) order {
	t.Helper()
	var o order
	await(t, "order "+id+" ends", func() bool {
		o = p.see(t, id)
		return o.Status == "confirmed" || o.Status == "cancelled"
	})
	return o
}
