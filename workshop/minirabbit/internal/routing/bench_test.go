package routing_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/wire"
)

// crowd makes an exchange with n bindings, each to a queue of its own, of which the message matches one: the last, or for
// a fanout exchange a single one. For headers the cost grows with n; that is by design.
func crowd(tb testing.TB, kind routing.Kind, n int) (*routing.Graph, routing.Message) {
	g := routing.New(routing.Rules40)
	require.NoError(tb, g.Declare(routing.Exchange{Name: "x", Kind: kind}))
	key, args := "", wire.Table(nil)
	for i := range n {
		queue := fmt.Sprint("queue-", i)
		g.AddQueue(queue)
		key, args = fmt.Sprintf("shop.order.%d.paid", i), nil
		switch kind {
		case routing.Topic:
			key = fmt.Sprintf("shop.*.%d.#", i)
		case routing.Headers:
			args = wire.Table{{Name: "order", Value: wire.String(key)}}
		case routing.ConsistentHash:
			key = "1"
		}
		_, err := g.Bind(routing.Binding{Source: "x", Destination: queue, Key: key, Arguments: args})
		require.NoError(tb, err)
	}
	m := routing.Message{Key: fmt.Sprintf("shop.order.%d.paid", n-1)}
	m.Properties = &wire.Properties{Headers: wire.Table{{Name: "order", Value: wire.String(m.Key)}}}
	return g, m
}

func TestRouteAllocatesNothing(t *testing.T) {
	for _, kind := range []routing.Kind{routing.Direct, routing.Fanout, routing.Topic, routing.Headers, routing.ConsistentHash} {
		g, m := crowd(t, kind, 20)
		queues := make([]string, 0, 20)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			queues, _ = g.Route(queues[:0], "x", m)
		}), kind)
		require.NotEmpty(t, queues)
	}
}

func BenchmarkRoute(b *testing.B) {
	for _, kind := range []routing.Kind{routing.Direct, routing.Topic, routing.ConsistentHash, routing.Headers, routing.Fanout} {
		for _, n := range []int{1, 10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				g, m := crowd(b, kind, n)
				queues := make([]string, 0, n)
				b.ReportAllocs()
				for b.Loop() {
					queues, _ = g.Route(queues[:0], "x", m)
				}
				if len(queues) == 0 {
					b.Fatal("nothing was routed")
				}
			})
		}
	}
}

// A binding with as many arguments as a frame holds, and a message with as many headers in another order.
func BenchmarkRouteByManyHeaders(b *testing.B) {
	const many = 8000
	var binding, message wire.Table
	for n := range many {
		binding = append(binding, wire.Field{Name: fmt.Sprint(n), Value: wire.Int32(n)})
		message = append(message, wire.Field{Name: fmt.Sprint(many - 1 - n), Value: wire.Int32(many - 1 - n)})
	}
	g := routing.New(routing.Rules40)
	require.NoError(b, g.Declare(routing.Exchange{Name: "x", Kind: routing.Headers}))
	g.AddQueue("q")
	_, err := g.Bind(toQueue("x", "q", "", binding...))
	require.NoError(b, err)
	m := routing.Message{Properties: &wire.Properties{Headers: message}}
	for b.Loop() {
		if queues, _ := g.Route(nil, "x", m); len(queues) != 1 {
			b.Fatal("nothing was routed")
		}
	}
}
