package chaos

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/bus"
	"warren.example/06-services/events"
	"warren.example/06-services/shop"
)

// envCareless names what the services do wrong.
const envCareless = "CHAOS_CARELESS"

// TestCarelessShopsAreFound: each of these shops works as long as nothing fails and every answer comes. One failure, and its
// fault must be found.
func TestCarelessShopsAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Parallel()
	for _, c := range []struct {
		careless string
		fault    fault
		finds    string
	}{
		{"forgets", fault{service: "order", place: "outbox.claimed", hit: 1, broker: true, late: true}, "was never told"},
		{"acks first", fault{service: "user", place: "inbox.marked", hit: 1}, "0 purchases are told"},
		{"knows nothing", fault{service: "notification", place: "bus.handled", hit: 5}, " 2 times"},
		{"pays twice", fault{service: "payment", place: "payment.told", hit: 1}, "captured for an order that nobody placed"},
	} {
		t.Run(c.careless, func(t *testing.T) {
			h := build(t, map[string]string{envCareless: c.careless})
			h.patience = 6 * time.Second
			_, err := h.run(t, []fault{c.fault})
			require.ErrorContains(t, err, c.finds)
		})
	}
}

// careless returns what makes a shop careless.
func careless(how string) (p shop.Parts, h shop.Hooks) {
	switch how {
	case "forgets":
		p.Publisher = func(c bus.Config, window int) (shop.Publisher, error) {
			real, err := bus.NewPublisher(c, window)
			return forgetful{real}, err
		}
	case "acks first":
		h.Consume = func(_, _ string, next shop.Handle) shop.Handle {
			return func(ctx context.Context, group []events.Message) []error {
				go next(context.WithoutCancel(ctx), group)
				return make([]error, len(group))
			}
		}
	case "knows nothing":
		h.Consume = func(_, _ string, next shop.Handle) shop.Handle {
			return func(ctx context.Context, group []events.Message) []error {
				for i := range group {
					group[i].ID = rand.Text()
				}
				return next(ctx, group)
			}
		}
	case "pays twice":
		h.Transport = func(_ string, next http.RoundTripper) http.RoundTripper { return newKeys{next, &sync.Map{}} }
	}
	return p, h
}

// forgetful publishes without waiting for confirms.
type forgetful struct{ shop.Publisher }

func (f forgetful) Publish(ctx context.Context, messages []events.Message) []error {
	ctx, cancel := context.WithTimeout(ctx, outage/10)
	defer cancel()
	f.Publisher.Publish(ctx, messages)
	return make([]error, len(messages))
}

// newKeys asks the payment provider under a new key when it isn't sure whether it has asked before, and doesn't look.
type newKeys struct {
	next   http.RoundTripper
	unsure *sync.Map // keys
}

func (n newKeys) RoundTrip(r *http.Request) (*http.Response, error) {
	key := r.Header.Get("Idempotency-Key")
	if before, ok := strings.CutPrefix(r.URL.Path, "/charges/"); ok && r.Method == http.MethodGet {
		n.unsure.Store(before, true)
		return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody, Request: r}, nil
	}
	if _, unsure := n.unsure.Load(key); unsure && r.URL.Path == "/charges" {
		r = r.Clone(r.Context())
		r.Header.Set("Idempotency-Key", key+"-again")
	}
	return n.next.RoundTrip(r)
}
