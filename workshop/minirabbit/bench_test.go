package minirabbit_test

import (
	"fmt"
	"os"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit"
)

// target is a broker to measure.
type target struct {
	name string
	url  func(b *testing.B) string
}

// targets are minirabbit and, when WORKSHOP_AMQP_URL is set, a real RabbitMQ: one run compares them.
func targets() []target {
	all := []target{{"minirabbit", func(b *testing.B) string { return minirabbit.Run(b).URL() }}}
	if url := os.Getenv("WORKSHOP_AMQP_URL"); url != "" {
		all = append(all, target{"rabbitmq", func(*testing.B) string { return url }})
	}
	return all
}

const benchQueue = "minirabbit-bench"

// queue makes an empty durable queue that goes with the benchmark.
func queue(b *testing.B, ch *amqp.Channel, name string) {
	b.Helper()
	_, err := ch.QueueDelete(name, false, false, false)
	require.NoError(b, err)
	_, err = ch.QueueDeclare(name, true, false, false, false, nil)
	require.NoError(b, err)
	b.Cleanup(func() { _, _ = ch.QueueDelete(name, false, false, false) })
}

var benchMessage = amqp.Publishing{DeliveryMode: amqp.Persistent, MessageId: "order-0000007", Body: make([]byte, 256)}

// pipeline publishes n messages with at most 1,000 unconfirmed ones, and waits for all confirms.
func pipeline(b *testing.B, ch *amqp.Channel, exchange, key string, n int) {
	b.Helper()
	const window = 1000
	waiting := make(chan *amqp.DeferredConfirmation, window)
	done := make(chan bool)
	go func() {
		good := true
		for c := range waiting {
			good = c.Wait() && good
		}
		done <- good
	}()
	for range n {
		c, err := ch.PublishWithDeferredConfirm(exchange, key, false, false, benchMessage)
		require.NoError(b, err)
		waiting <- c
	}
	close(waiting)
	require.True(b, <-done)
}

// BenchmarkStart is how long it takes until clients can connect, and to close again.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s, err := minirabbit.Start()
		require.NoError(b, err)
		require.NoError(b, s.Close())
	}
}

// BenchmarkPublish publishes persistent messages of 256 bytes with pipelined confirms.
func BenchmarkPublish(b *testing.B) {
	for _, target := range targets() {
		b.Run(target.name, func(b *testing.B) {
			_, ch := connect(b, target.url(b))
			require.NoError(b, ch.Confirm(false))
			queue(b, ch, benchQueue)
			b.ReportAllocs()
			b.ResetTimer()
			pipeline(b, ch, "", benchQueue, b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

// BenchmarkConsume consumes messages of 256 bytes with a prefetch of 100 and acknowledges each.
func BenchmarkConsume(b *testing.B) {
	for _, target := range targets() {
		b.Run(target.name, func(b *testing.B) {
			_, ch := connect(b, target.url(b))
			require.NoError(b, ch.Confirm(false))
			queue(b, ch, benchQueue)
			pipeline(b, ch, "", benchQueue, b.N)
			require.NoError(b, ch.Qos(100, 0, false))
			b.ReportAllocs()
			b.ResetTimer()
			deliveries, err := ch.Consume(benchQueue, "", false, false, false, false, nil)
			require.NoError(b, err)
			for range b.N {
				require.NoError(b, (<-deliveries).Ack(false))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

// BenchmarkBacklog publishes one message and gets one, with so many in the queue: the cost should be the same.
func BenchmarkBacklog(b *testing.B) {
	for _, backlog := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(backlog), func(b *testing.B) {
			_, ch := connect(b, minirabbit.Run(b).URL())
			require.NoError(b, ch.Confirm(false))
			queue(b, ch, benchQueue)
			pipeline(b, ch, "", benchQueue, backlog)
			for b.Loop() {
				pipeline(b, ch, "", benchQueue, 1)
				_, ok, err := ch.Get(benchQueue, true)
				require.NoError(b, err)
				require.True(b, ok)
			}
		})
	}
}

// BenchmarkTopology publishes to one of so many queues, each bound with a key of its own: the cost should be the same.
func BenchmarkTopology(b *testing.B) {
	for _, kind := range []string{"direct", "topic"} {
		for _, queues := range []int{1, 10, 100, 1_000} {
			b.Run(fmt.Sprintf("%s/%d", kind, queues), func(b *testing.B) {
				_, ch := connect(b, minirabbit.Run(b).URL())
				require.NoError(b, ch.Confirm(false))
				for n := range queues {
					name := fmt.Sprintf("q.%d", n)
					_, err := ch.QueueDeclare(name, true, false, false, false, amqp.Table{"x-max-length": 10})
					require.NoError(b, err)
					require.NoError(b, ch.QueueBind(name, name, "amq."+kind, false, nil))
				}
				b.ResetTimer()
				pipeline(b, ch, "amq."+kind, "q.0", b.N)
			})
		}
	}
}
