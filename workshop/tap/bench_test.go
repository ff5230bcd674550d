package tap_test

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
)

// The benchmarks compare, turn by turn in one run, the way around the tap with the way through it. Read the ratio; the
// rates depend on what else the machine does.

const (
	benchTurn     = 20_000 // messages
	benchBody     = 256    // bytes
	benchWindow   = 1024   // publishes that wait for their confirm
	benchPrefetch = 256
)

func BenchmarkPublishWithPipelinedConfirms(b *testing.B) {
	compare(b, func(ch *amqp.Channel, queue string) time.Duration {
		start := time.Now()
		publishConfirmed(b, ch, queue)
		took := time.Since(start)
		_, err := ch.QueuePurge(queue, false)
		require.NoError(b, err)
		return took
	})
}

func BenchmarkConsumeAndAck(b *testing.B) {
	compare(b, func(ch *amqp.Channel, queue string) time.Duration {
		publishConfirmed(b, ch, queue)
		start := time.Now()
		deliveries, err := ch.Consume(queue, "bench", false, false, false, false, nil)
		require.NoError(b, err)
		for range benchTurn {
			d := <-deliveries
			if err := d.Ack(false); err != nil {
				b.Fatal(err)
			}
		}
		took := time.Since(start)
		require.NoError(b, ch.Cancel("bench", false))
		return took
	})
}

// compare runs a turn directly and one through a tap, b.N times, and reports the rates and their ratio.
func compare(b *testing.B, turn func(ch *amqp.Channel, queue string) time.Duration) {
	direct := virtualHost(b)
	t := startTap(b, tap.Config{Target: direct.Host})
	through := *direct
	through.Host = t.Addr()

	channels := []*amqp.Channel{benchChannel(b, direct.String()), benchChannel(b, through.String())}
	var took [2]time.Duration
	for range b.N {
		for i, ch := range channels {
			queue, err := ch.QueueDeclare("", true, false, true, false, nil)
			require.NoError(b, err)
			took[i] += turn(ch, queue.Name)
		}
	}
	messages := float64(b.N * benchTurn)
	b.ReportMetric(messages/took[0].Seconds(), "direct-msg/s")
	b.ReportMetric(messages/took[1].Seconds(), "tap-msg/s")
	b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

func benchChannel(b *testing.B, url string) *amqp.Channel {
	conn, err := amqp.Dial(url)
	require.NoError(b, err)
	b.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	require.NoError(b, err)
	require.NoError(b, ch.Confirm(false))
	require.NoError(b, ch.Qos(benchPrefetch, 0, false))
	return ch
}

// publishConfirmed publishes one turn and waits for all confirms.
func publishConfirmed(b *testing.B, ch *amqp.Channel, queue string) {
	message := amqp.Publishing{DeliveryMode: amqp.Persistent, ContentType: "text/plain", Body: make([]byte, benchBody)}
	window := make(chan *amqp.DeferredConfirmation, benchWindow)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for c := range window {
			c.Wait()
		}
	}()
	for range benchTurn {
		c, err := ch.PublishWithDeferredConfirm("", queue, false, false, message)
		if err != nil {
			b.Fatal(err)
		}
		window <- c
	}
	close(window)
	<-done
}
