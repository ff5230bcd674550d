package main

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/lab"
)

// A cost is an exchange with queues, and the message that is published to it again and again.
type cost struct {
	name    string
	kind    string
	queues  int    // each bound once
	binding string // key, or header "shop", with the queue's number for %d
	key     string
	headers amqp.Table
}

var costs = []cost{
	{name: "default", queues: 100, key: "cost.default.7"},
	{name: "direct", kind: "direct", queues: 100, binding: "shop.%d", key: "shop.7"},
	{name: "topic", kind: "topic", queues: 100, binding: "shop.%d.*", key: "shop.7.sold"},
	{name: "topic-hash", kind: "topic", queues: 100, binding: "#.%d.#", key: "shop.7.sold"},
	{name: "headers", kind: "headers", queues: 100, binding: "%d", headers: amqp.Table{"shop": "7"}},
	{name: "fanout-1", kind: "fanout", queues: 1, binding: "%d"},
	{name: "fanout-10", kind: "fanout", queues: 10, binding: "%d"},
	{name: "fanout-100", kind: "fanout", queues: 100, binding: "%d"},
}

// BenchmarkRouting measures what a message costs, from publishing to the confirm. In a round each case has its turn; x-NAME is
// the ratio to the default exchange in the same round, the median over all rounds:
//
//	go test -run '^$' -bench Routing -benchtime 15x ./02-exchanges/demo/routes
func BenchmarkRouting(b *testing.B) {
	l := lab.New(b)
	conn, err := amqp.Dial(l.DirectURL)
	require.NoError(b, err)
	defer conn.Close()
	ch, err := conn.Channel()
	require.NoError(b, err)
	require.NoError(b, ch.Confirm(false))
	for _, c := range costs {
		c.declare(b, ch)
	}

	for _, c := range costs {
		c.publish(b, ch) // warms up
	}
	spent := map[string][]float64{}
	b.ResetTimer()
	for round := range b.N {
		for i := range costs { // who is first has a disadvantage: they take turns
			c := costs[(i+round)%len(costs)]
			spent[c.name] = append(spent[c.name], c.publish(b, ch).Seconds())
		}
	}
	b.ReportMetric(0, "ns/op") // of a whole round: says nothing
	b.ReportMetric(median(spent["default"])*1e6, "µs/message-default")
	for _, c := range costs[1:] {
		ratios := make([]float64, b.N)
		for round := range ratios {
			ratios[round] = spent[c.name][round] / spent["default"][round]
		}
		b.ReportMetric(median(ratios), "x-"+c.name)
	}
}

func (c cost) queue(n int) string { return fmt.Sprintf("cost.%s.%d", c.name, n) }

func (c cost) declare(b *testing.B, ch *amqp.Channel) {
	b.Helper()
	if c.kind != "" {
		require.NoError(b, ch.ExchangeDeclare(c.name, c.kind, false, true, false, false, nil))
	}
	for n := range c.queues {
		_, err := ch.QueueDeclare(c.queue(n), false, true, true, false, nil)
		require.NoError(b, err)
		if c.kind == "" {
			continue
		}
		key, args := fmt.Sprintf(c.binding, n), amqp.Table(nil)
		if c.kind == amqp.ExchangeHeaders {
			key, args = "", amqp.Table{"x-match": "all", "shop": key}
		}
		require.NoError(b, ch.QueueBind(c.queue(n), key, c.name, false, args))
	}
}

// reached returns the queues that get a copy of each message: queue 7, or all of a fanout exchange.
func (c cost) reached() []string {
	if c.kind != amqp.ExchangeFanout {
		return []string{c.queue(7)}
	}
	var names []string
	for n := range c.queues {
		names = append(names, c.queue(n))
	}
	return names
}

// publish returns what a message took, on the average of many. All are under way at once (03/3). It empties the queues.
func (c cost) publish(b *testing.B, ch *amqp.Channel) time.Duration {
	b.Helper()
	reached := c.reached()
	messages := min(2000, 20_000/len(reached))
	confirmations := make([]*amqp.DeferredConfirmation, messages)
	began := time.Now()
	for i := range confirmations {
		m := amqp.Publishing{Headers: c.headers, Body: make([]byte, 100)}
		var err error
		confirmations[i], err = ch.PublishWithDeferredConfirmWithContext(b.Context(), c.exchange(), c.key, false, false, m)
		require.NoError(b, err)
	}
	for _, confirmation := range confirmations {
		acked, err := confirmation.WaitContext(context.Background())
		require.NoError(b, err)
		require.True(b, acked)
	}
	spent := time.Since(began) / time.Duration(messages)

	for _, queue := range reached {
		got, err := ch.QueuePurge(queue, false)
		require.NoError(b, err)
		require.Equal(b, messages, got, queue)
	}
	return spent
}

// exchange is what the exchange is called: the default one has no name.
func (c cost) exchange() string {
	if c.kind == "" {
		return ""
	}
	return c.name
}

func median(numbers []float64) float64 {
	slices.Sort(numbers)
	return numbers[len(numbers)/2]
}
