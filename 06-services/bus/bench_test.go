package bus_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/06-services/bus"
	"warren.example/06-services/events"
	"warren.example/workshop/lab"
)

const (
	round  = 4000 // messages in each measurement
	window = 1024
)

// BenchmarkPublish compares with amqp091-go on its own, one goroutine and pipelined confirms, all measured in turn: of-raw-64
// is the bus's speed in relation to that with 64 messages under way, of-raw-1024 with 1,024. How many are under way decides
// how many a quorum queue writes to its disk at once: so 64 goroutines that wait compare with the former, and one call with
// all messages with the latter. WORKSHOP_BROKER says on which broker.
func BenchmarkPublish(b *testing.B) {
	for name, publish := range map[string]func(b *testing.B, p *bus.Publisher, messages []events.Message){
		"64-goroutines-one-each": func(b *testing.B, p *bus.Publisher, messages []events.Message) {
			var next atomic.Int64
			side(64, func() {
				for i := next.Add(1) - 1; i < int64(len(messages)); i = next.Add(1) - 1 {
					if err := p.Publish(b.Context(), messages[i:i+1])[0]; err != nil {
						b.Error(err)
					}
				}
			})
		},
		"calls-of-64-one-after-the-other": func(b *testing.B, p *bus.Publisher, messages []events.Message) {
			for len(messages) > 0 {
				n := min(64, len(messages))
				none(b, p.Publish(b.Context(), messages[:n]))
				messages = messages[n:]
			}
		},
		"one-call-of-all": func(b *testing.B, p *bus.Publisher, messages []events.Message) {
			none(b, p.Publish(b.Context(), messages))
		},
	} {
		b.Run(name, func(b *testing.B) {
			l := lab.New(b)
			shop(b, l)
			p, err := bus.NewPublisher(quiet(l.DirectURL), window)
			require.NoError(b, err)
			none(b, p.Publish(b.Context(), commands(b, 1)))
			raw := rawChannel(b, l)
			messages := commands(b, round)
			for i := range messages {
				messages[i].Body = append(messages[i].Body, make([]byte, 200)...)
			}
			var raw64, raw1024, own time.Duration
			for b.Loop() {
				raw64 += clock(func() { rawPublish(b, raw, messages, 64) })
				own += clock(func() { publish(b, p, messages) })
				raw1024 += clock(func() { rawPublish(b, raw, messages, 1024) })
			}
			b.ReportMetric(raw64.Seconds()/own.Seconds(), "of-raw-64")
			b.ReportMetric(raw1024.Seconds()/own.Seconds(), "of-raw-1024")
			b.ReportMetric(float64(round*b.N)/own.Seconds(), "msg/s")
			require.NoError(b, p.Close(b.Context()))
		})
	}
}

// BenchmarkConsume compares with amqp091-go on its own that acks each message, prefetch 256.
func BenchmarkConsume(b *testing.B) {
	l := lab.New(b)
	topology := shop(b, l)
	p, err := bus.NewPublisher(quiet(l.DirectURL), window)
	require.NoError(b, err)
	raw := rawChannel(b, l)
	messages := commands(b, round)
	fill := func() { none(b, p.Publish(b.Context(), messages)) }
	var rawTime, busTime time.Duration
	for b.Loop() {
		fill()
		rawTime += clock(func() {
			require.NoError(b, raw.Qos(256, 0, false))
			deliveries, err := raw.Consume("inventory.commands", "raw", false, false, false, false, nil)
			require.NoError(b, err)
			for range round {
				d := <-deliveries
				require.NoError(b, d.Ack(false))
			}
			require.NoError(b, raw.Cancel("raw", false))
		})
		fill()
		busTime += clock(func() {
			ctx, cancel := context.WithCancel(b.Context())
			left := atomic.Int64{}
			left.Store(round)
			c := bus.Consumer{Config: quiet(l.DirectURL), Queue: "inventory.commands", Topology: topology, Workers: 2, Group: 64,
				Handle: func(_ context.Context, group []events.Message) []error {
					if left.Add(-int64(len(group))) <= 0 {
						cancel()
					}
					return make([]error, len(group))
				}}
			require.NoError(b, c.Run(ctx))
		})
	}
	b.ReportMetric(rawTime.Seconds()/busTime.Seconds(), "of-raw")
	b.ReportMetric(float64(round*b.N)/busTime.Seconds(), "msg/s")
	require.NoError(b, p.Close(b.Context()))
}

func clock(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}

func side(n int, f func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(f)
	}
	all.Wait()
}

func none(tb testing.TB, errs []error) {
	for _, err := range errs {
		require.NoError(tb, err)
	}
}

func quiet(url string) bus.Config { return bus.Config{URLs: []string{url}, Name: "inventory"} }

func rawChannel(b *testing.B, l *lab.Lab) *amqp.Channel {
	conn, err := amqp.Dial(l.DirectURL)
	require.NoError(b, err)
	b.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	require.NoError(b, err)
	require.NoError(b, ch.Confirm(false))
	return ch
}

// rawPublish publishes with at most window messages under way.
func rawPublish(b *testing.B, ch *amqp.Channel, messages []events.Message, window int) {
	under := make(chan *amqp.DeferredConfirmation, window)
	var settled sync.WaitGroup
	settled.Go(func() {
		for c := range under {
			if !c.Wait() {
				b.Error("not confirmed")
			}
		}
	})
	for _, m := range messages {
		c, err := ch.PublishWithDeferredConfirm(events.Commands, "stock.release.v1", true, false, amqp.Publishing{
			DeliveryMode: amqp.Persistent, ContentType: "application/json", MessageId: m.ID, Type: m.Type, AppId: m.Service,
			CorrelationId: m.Correlation, Timestamp: m.Time,
			Headers: amqp.Table{"schema-version": int64(1), "sent-at": m.Time.UnixMilli()}, Body: m.Body})
		require.NoError(b, err)
		under <- c
	}
	close(under)
	settled.Wait()
}
