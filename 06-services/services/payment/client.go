package payment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/sony/gobreaker/v2"

	"warren.example/06-services/money"
)

// A client asks the payment provider. An error of its methods means that nobody knows what the provider did: it may have taken
// the money. Whoever asks again, with the same key, finds out.
//
// Each call has a deadline, and two circuit breakers see to it that a provider that doesn't answer isn't asked in vain all the
// time: one for what moves money, and one for lookup and void, which may still work when charges don't.
type client struct {
	http   *http.Client
	url    string
	limit  time.Duration // for each call
	moves  *breaker
	others *breaker
}

type breaker = gobreaker.CircuitBreaker[reply]

// A reply is what the provider says of a charge or a refund; status is HTTP's.
type reply struct {
	status int
	State  string `json:"state"`
}

func newClient(h *http.Client, url string, limit time.Duration) *client {
	return &client{http: h, url: url, limit: limit,
		moves: newBreaker("provider: money"), others: newBreaker("provider: questions")}
}

// newBreaker opens when most of at least 20 calls in ten seconds failed: single charges that are never answered don't open it.
// Two seconds later it lets five calls try.
func newBreaker(name string) *breaker {
	return gobreaker.NewCircuitBreaker[reply](gobreaker.Settings{
		Name:        name,
		MaxRequests: 5,
		Interval:    10 * time.Second,
		Timeout:     2 * time.Second,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.Requests >= 20 && c.TotalFailures*10 >= c.Requests*6 },
		IsExcluded:  func(err error) bool { return errors.Is(err, context.Canceled) }, // we have stopped, not the provider
	})
}

// charge takes the money for an order, once for each key, and returns what became of it: Captured, Declined or Voided.
func (c *client) charge(ctx context.Context, key string, amount money.Money) (State, error) {
	r, err := c.do(ctx, c.moves, http.MethodPost, "/charges", key, amount)
	return outcome(r, err)
}

// lookup returns what became of a charge. ok is false if the provider doesn't know it.
func (c *client) lookup(ctx context.Context, key string) (s State, ok bool, err error) {
	r, err := c.do(ctx, c.others, http.MethodGet, "/charges/"+url.PathEscape(key), "", money.Money{})
	if err == nil && r.status == http.StatusNotFound {
		return None, false, nil
	}
	s, err = outcome(r, err)
	return s, err == nil, err
}

// void sees to it that a charge takes no money, also one that comes later. It returns Voided, or what it was before.
func (c *client) void(ctx context.Context, key string) (State, error) {
	r, err := c.do(ctx, c.others, http.MethodPost, "/charges/"+url.PathEscape(key)+"/void", "", money.Money{})
	return outcome(r, err)
}

// refund gives back a part of a charge, once for each key. It returns RefundDone or RefundFailed.
func (c *client) refund(ctx context.Context, charge, key string, amount money.Money) (RefundState, error) {
	r, err := c.do(ctx, c.moves, http.MethodPost, "/charges/"+url.PathEscape(charge)+"/refunds", key, amount)
	switch {
	case err != nil:
		return RefundNone, err
	case r.status == http.StatusConflict:
		return RefundFailed, nil // it has less than we think: a human must look
	case r.status != http.StatusOK:
		return RefundNone, fmt.Errorf("the provider answers %d to a refund", r.status)
	default:
		return RefundState(r.State), nil // SettleRefund checks it
	}
}

func outcome(r reply, err error) (State, error) {
	if err == nil && r.status != http.StatusOK {
		err = fmt.Errorf("the provider answers %d", r.status)
	}
	return State(r.State), err // Settle checks it
}

func (c *client) do(ctx context.Context, b *breaker, method, path, key string, amount money.Money) (reply, error) {
	return b.Execute(func() (reply, error) {
		ctx, cancel := context.WithTimeout(ctx, c.limit)
		defer cancel()
		body := []byte{}
		if key != "" {
			var err error
			if body, err = json.Marshal(map[string]money.Money{"amount": amount}); err != nil {
				return reply{}, fmt.Errorf("write the request: %w", err)
			}
		}
		request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
		if err != nil {
			return reply{}, fmt.Errorf("make the request: %w", err)
		}
		if key != "" {
			request.Header.Set("Content-Type", "application/json")
			// net/http knows this header: it sends such a request again by itself when a kept connection turns out to be dead.
			request.Header.Set("Idempotency-Key", key)
		}
		return c.read(request)
	})
}

// read sends a request and reads the answer. What the provider refuses, 4xx, is an answer too.
func (c *client) read(request *http.Request) (reply, error) {
	response, err := c.http.Do(request)
	if err != nil {
		return reply{}, fmt.Errorf("ask the provider: %w", err)
	}
	defer response.Body.Close()
	const most = 64 << 10
	text, err := io.ReadAll(io.LimitReader(response.Body, most))
	if err != nil {
		return reply{}, fmt.Errorf("read the provider's answer: %w", err)
	}
	r := reply{status: response.StatusCode}
	if r.status >= http.StatusInternalServerError {
		return r, fmt.Errorf("the provider answers %d", r.status)
	}
	if r.status == http.StatusOK {
		if err := json.Unmarshal(text, &r); err != nil {
			return r, fmt.Errorf("understand the provider's answer: %w", err)
		}
	}
	return r, nil
}
