package bench_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/06-services/bus"
	"warren.example/06-services/events"
)

// Raw carries the messages of orders through the shop's queues, and nothing of the shop is there: the most that the broker can
// do for it. Each service that sends has a connection and publishes with confirms; each queue that a service hears has one, and
// what comes is acked.
type raw struct {
	senders []sender
	each    int           // deliveries for one order
	left    atomic.Int64  // deliveries that are still to come
	done    chan struct{} // has one when none is
}

type sender struct {
	channel  *amqp.Channel
	messages []events.Message
}

const (
	rawWindow   = 256 // messages of a service that are under way, as in the shop
	rawPrefetch = 512
	rawAck      = 64 // messages that are acked at once at most
)

// newRaw declares the shop's topology in an empty virtual host, and connects.
func newRaw(b *testing.B, url string, one order) *raw {
	all, queues := topology(b)
	require.NoError(b, bus.Declare(b.Context(), bus.Config{URLs: []string{url}, Name: "bench"}, all...))
	r := &raw{done: make(chan struct{}, 1), each: one.deliveries}
	byService := map[string][]events.Message{}
	for _, m := range one.messages {
		byService[m.Service] = append(byService[m.Service], m)
	}
	for _, messages := range byService {
		channel := dial(b, url)
		require.NoError(b, channel.Confirm(false))
		r.senders = append(r.senders, sender{channel, messages})
	}
	for queue := range queues {
		channel := dial(b, url)
		require.NoError(b, channel.Qos(rawPrefetch, 0, false))
		came, err := channel.Consume(queue, "", false, false, false, false, nil)
		require.NoError(b, err)
		beside("raw", func() { go r.ack(b, came) })
	}
	return r
}

// dial returns a channel on a connection of its own.
func dial(b *testing.B, url string) *amqp.Channel {
	conn, err := amqp.Dial(url)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, conn.Close()) })
	channel, err := conn.Channel()
	require.NoError(b, err)
	return channel
}

// ack acks what comes, many at once where many are there.
func (r *raw) ack(b *testing.B, came <-chan amqp.Delivery) {
	n := 0
	for d := range came {
		if n++; n < rawAck && len(came) > 0 {
			continue
		}
		if err := d.Ack(true); err != nil {
			b.Error(err)
			return
		}
		if r.left.Add(int64(-n)) == 0 {
			r.done <- struct{}{}
		}
		n = 0
	}
}

// carry carries the messages of n orders, and returns how long it took until all are confirmed and acked.
func (r *raw) carry(b *testing.B, n int) time.Duration {
	r.left.Store(int64(n * r.each))
	began := time.Now()
	beside("raw", func() {
		var all sync.WaitGroup
		for _, s := range r.senders {
			all.Go(func() { s.publish(b, n) })
		}
		all.Wait()
	})
	select {
	case <-r.done:
	case <-time.After(patience):
		require.FailNow(b, "not all messages came")
	}
	return time.Since(began)
}

// publish publishes the messages of n orders, and waits for all confirms.
func (s sender) publish(b *testing.B, n int) {
	under := make(chan *amqp.DeferredConfirmation, rawWindow)
	var settled sync.WaitGroup
	settled.Go(func() {
		for c := range under {
			if !c.Wait() {
				b.Error("not confirmed")
			}
		}
	})
	for range n {
		for _, m := range s.messages {
			d, _ := events.Lookup(m.Type)
			c, err := s.channel.PublishWithDeferredConfirm(d.Exchange(), d.Key(), true, false, publishing(m))
			if err != nil {
				b.Error(err)
				break
			}
			under <- c
		}
	}
	close(under)
	settled.Wait()
}

// publishing is as large as what the bus makes of a message.
func publishing(m events.Message) amqp.Publishing {
	headers := amqp.Table{"schema-version": int64(m.Schema), "sent-at": m.Time.UnixMilli(), "causation-id": m.Cause}
	if m.Version != 0 {
		headers["aggregate-version"] = m.Version
	}
	if !m.NotAfter.IsZero() {
		headers["not-after"] = m.NotAfter.UnixMilli()
	}
	return amqp.Publishing{Headers: headers, ContentType: "application/json", DeliveryMode: amqp.Persistent, MessageId: m.ID,
		Type: m.Type, AppId: m.Service, CorrelationId: m.Correlation, Timestamp: m.Time, Body: m.Body}
}
