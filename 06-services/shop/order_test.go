package shop_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/bus"
	"warren.example/06-services/events"
	"warren.example/06-services/money"
	"warren.example/06-services/outbox"
	"warren.example/06-services/service"
	"warren.example/06-services/shop"
	"warren.example/06-services/store"
	"warren.example/workshop/minirabbit"
)

// A recorder is a publisher that takes everything.
type recorder struct{ publish func() }

func (r recorder) Publish(_ context.Context, messages []events.Message) []error {
	r.publish()
	return make([]error, len(messages))
}
func (recorder) Ready() error                { return nil }
func (recorder) Close(context.Context) error { return nil }

// counter counts the lines of a log that have a text.
type counter struct {
	text string
	mu   sync.Mutex
	n    int
}

func (c *counter) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += strings.Count(string(line), c.text)
	return len(line), nil
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// An event that is published before the queues of those who hear it are there passes them by, and is confirmed all the same:
// the audit stream has it. So nothing is sent before the topology is declared.
func TestNothingIsSentBeforeAllQueuesAreThere(t *testing.T) {
	broker := minirabbit.Run(t)
	broker.Kill()
	var dead, early atomic.Bool
	dead.Store(true)
	sent := make(chan struct{})
	var once sync.Once
	catalog := service.Definition{Name: "catalog",
		Store: &store.Migrations{Name: "catalog", FS: fstest.MapFS{
			"1_catalog.sql": {Data: []byte("-- +goose Up\nCREATE TABLE things (id BIGINT PRIMARY KEY);\n")}}},
		New: func(ctx context.Context, env *service.Env) (*service.Service, error) {
			return &service.Service{}, env.Box.Do(ctx, func(ctx context.Context, tx *outbox.Tx) error {
				return tx.Send(ctx, events.ProductPriceChanged{SKU: "tea", Price: money.Of(100, "EUR")}, events.About{Version: 1})
			})
		}}
	parts := shop.Parts{Publisher: func(bus.Config, int) (shop.Publisher, error) {
		return recorder{func() {
			if dead.Load() {
				early.Store(true)
			}
			once.Do(func() { close(sent) })
		}}, nil
	}}
	log := &counter{text: "can't connect to RabbitMQ"}
	s, err := shop.Start(shop.Options{Config: settings(t, map[string]string{"WORKSHOP_AMQP_URL": broker.URL()}),
		All: []service.Definition{catalog}, Parts: parts, Log: log})
	require.NoError(t, err)
	defer stop(t, s)
	ready(t, s)
	tries := log.count() + 2 // until then a relay that waits for nothing would have sent it
	require.Eventually(t, func() bool { return log.count() >= tries }, 30*time.Second, 5*time.Millisecond)
	dead.Store(false)
	require.NoError(t, broker.Restart())
	select {
	case <-sent:
	case <-time.After(30 * time.Second):
		require.FailNow(t, "the event was never sent")
	}
	require.False(t, early.Load(), "the event was sent while nobody could declare a queue")
}
