package chaos

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	system "warren.example/06-services"
	"warren.example/06-services/bus"
	"warren.example/06-services/events"
)

// TestBrokenShopIsFound breaks into a shop that has kept its word: what is done to it by hand must be found.
func TestBrokenShopIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Parallel()
	h := build(t, nil)
	ctx, cancel := context.WithTimeoutCause(t.Context(), runTime, errors.New("it takes too long"))
	defer cancel()
	require.NoError(t, h.wave(ctx))
	require.NoError(t, h.rest(ctx))

	t.Run("forgotten inboxes and every event once more harm nobody", func(t *testing.T) {
		h.forgetInboxes(ctx, t)
		h.replay(ctx, t, func(events.Message) bool { return true })
		require.NoError(t, h.rest(ctx))
	})
	t.Run("an event handled twice", func(t *testing.T) {
		h.change(ctx, t, "user", "DELETE FROM inbox", "DELETE FROM purchases")
		h.replay(ctx, t, func(m events.Message) bool { return m.Type == "order.confirmed" })
		h.finds(ctx, t, "2 purchases are told")
	})
	t.Run("money taken twice", func(t *testing.T) {
		thief := &person{gateway: h.addresses["provider"]}
		_, err := thief.ask(ctx, "POST", "/charges", map[string]any{"amount": map[string]any{"minor": 500, "currency": "EUR"}}, nil,
			"again", http.StatusOK)
		require.NoError(t, err)
		h.finds(ctx, t, "money: again: 5.00 EUR was captured for an order that nobody placed")
	})
	t.Run("an order that is stuck, and a reservation that is lost", func(t *testing.T) {
		h.kill("payment")
		customer, err := h.register(ctx)
		require.NoError(t, err)
		var o struct{ ID, Status string }
		wanted := map[string]any{"items": []any{map[string]any{"sku": fmt.Sprintf("happy-%d", h.runs), "quantity": 1}}}
		_, err = customer.ask(ctx, "POST", "/orders", wanted, &o, "stuck", http.StatusAccepted)
		require.NoError(t, err)
		h.finds(ctx, t, "finished: "+o.ID+": it is still reserved")
		h.change(ctx, t, "inventory", "DELETE FROM reservations WHERE order_id = '"+o.ID+"'")
		require.NoError(t, h.start("payment"))
		h.finds(ctx, t, "1 are reserved for nobody")
	})
	t.Run("a message that is lost", func(t *testing.T) {
		h.broker.Kill()
		customer, err := h.register(ctx)
		require.NoError(t, err)
		var o struct{ ID string }
		wanted := map[string]any{"items": []any{map[string]any{"sku": fmt.Sprintf("happy-%d", h.runs), "quantity": 1}}}
		_, err = customer.ask(ctx, "POST", "/orders", wanted, &o, "lost", http.StatusAccepted)
		require.NoError(t, err)
		h.kill("order")
		h.change(ctx, t, "order", "DELETE FROM outbox WHERE type = 'order.placed'")
		require.NoError(t, h.broker.Restart())
		require.NoError(t, h.start("order"))
		h.sold[o.ID] = sale{customer: customer.id, path: paths[0]}
		h.finds(ctx, t, "story: "+o.ID)
	})
}

// finds waits until the auditor says so.
func (h *house) finds(ctx context.Context, t *testing.T, text string) {
	t.Helper()
	var wrong []string
	var err error
	waited := await(ctx, 100*time.Millisecond, func() bool {
		wrong, err = h.audit(ctx)
		return err == nil && strings.Contains(strings.Join(wrong, "\n"), text)
	})
	require.NoError(t, waited, "%s was not found, but %v, %v", text, wrong, err)
}

// change changes the database of a service.
func (h *house) change(ctx context.Context, t *testing.T, service string, statements ...string) {
	t.Helper()
	require.NoError(t, h.look(service, func(db *sql.DB) error {
		for _, s := range statements {
			if _, err := db.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (h *house) forgetInboxes(ctx context.Context, t *testing.T) {
	for _, d := range system.Services() {
		if d.Store != nil {
			h.change(ctx, t, d.Name, "DELETE FROM inbox")
		}
	}
}

// replay publishes events of the stream again, and waits until all have handled them who hear them, by their inboxes.
func (h *house) replay(ctx context.Context, t *testing.T, which func(events.Message) bool) {
	t.Helper()
	f, err := h.gather(ctx)
	require.NoError(t, err)
	ids := map[string]map[string]bool{} // by type
	var again []events.Message
	for _, e := range f.Stream {
		if which(e.Message) {
			again = append(again, e.Message)
			if ids[e.Type] == nil {
				ids[e.Type] = map[string]bool{}
			}
			ids[e.Type][e.ID] = true
		}
	}
	publisher, err := bus.NewPublisher(bus.Config{URLs: []string{h.broker.URL()}, Name: "replay"}, 100)
	require.NoError(t, err)
	defer publisher.Close(ctx)
	for _, err := range publisher.Publish(ctx, again) {
		require.NoError(t, err)
	}
	for _, d := range system.Services() {
		want := 0
		for _, name := range d.Hears {
			want += len(ids[name])
		}
		if d.Store == nil {
			continue
		}
		var n int
		waited := await(ctx, 50*time.Millisecond, func() bool {
			err := h.look(d.Name, func(db *sql.DB) error {
				return db.QueryRowContext(ctx, "SELECT COUNT(*) FROM inbox").Scan(&n)
			})
			return err == nil && n >= want
		})
		require.NoError(t, waited, "%s has handled %d of %d", d.Name, n, want)
	}
}
