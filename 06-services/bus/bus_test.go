package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/bus"
	"warren.example/06-services/events"
	"warren.example/workshop/lab"
)

// waits are Retry for tests, which wait for events and not for minutes.
var waits = []time.Duration{time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond}

func config(t testing.TB, urls ...string) bus.Config {
	return bus.Config{
		URLs: urls, Name: "inventory", Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Pause: func(ctx context.Context, attempt int) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Duration(attempt) * time.Millisecond):
				return nil
			}
		},
	}
}

// inventory is the service of these tests: it obeys stock.reserve and the like, and hears order.confirmed.
var inventory = bus.Queues{Service: "inventory", Hears: []string{"order.confirmed"}, Retry: waits}

// shop declares the exchanges and inventory's queues, and returns the latter.
func shop(t testing.TB, l *lab.Lab) bus.Topology {
	topology, err := inventory.Topology()
	require.NoError(t, err)
	require.NoError(t, bus.Declare(t.Context(), config(t, l.DirectURL), bus.Shared(), topology))
	return topology
}

// commands makes stock.release commands for n orders.
func commands(t testing.TB, n int) []events.Message {
	all := make([]events.Message, n)
	for i := range all {
		m, err := events.New(events.StockRelease{Order: fmt.Sprint("order-", i+1)},
			events.About{Service: "order", Correlation: fmt.Sprint("order-", i+1), Now: time.Now()})
		require.NoError(t, err)
		all[i] = m
	}
	return all
}

// handled remembers what a handler has got.
type handled struct {
	mu  sync.Mutex
	all []events.Message
}

func (h *handled) Handle(_ context.Context, group []events.Message) []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, group...)
	return make([]error, len(group))
}

func (h *handled) messages() []events.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]events.Message(nil), h.all...)
}

func TestWhatIsPublishedIsHandled(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	sent := commands(t, 200)
	publish(t, l, sent)

	var got handled
	c := &bus.Consumer{Config: config(t, l.URL), Queue: "inventory.commands", Topology: topology, Workers: 2, Group: 16,
		Handle: got.Handle}
	run := l.Go("Run", c.Run)
	l.Await("all are handled", func() bool { return len(got.messages()) == len(sent) })
	require.NoError(t, run.Stopped())
	require.Zero(t, l.Depth("inventory.commands"))
	ids := make(map[string]bool)
	for _, m := range got.messages() {
		ids[m.ID] = true
	}
	require.Len(t, ids, len(sent))
}

// publish publishes messages and wants them all to arrive.
func publish(t testing.TB, l *lab.Lab, messages []events.Message) {
	require.NoError(t, l.Do("Publish", func(ctx context.Context) error {
		p, err := bus.NewPublisher(config(t, l.DirectURL), 64)
		if err != nil {
			return err
		}
		return errors.Join(errors.Join(p.Publish(ctx, messages)...), p.Close(ctx))
	}))
}
