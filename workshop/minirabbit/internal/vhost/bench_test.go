package vhost_test

import (
	"fmt"
	"testing"

	"warren.example/workshop/minirabbit/internal/clock"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// sink takes everything and remembers the last delivery tag.
type sink struct{ tag uint64 }

func (s *sink) Send(m wire.Method, _ *message.Message) {
	if d, ok := m.(*wire.BasicDeliver); ok {
		s.tag = d.DeliveryTag
	}
}

func (s *sink) HasRoom() bool { return true }

func benchChannel(b *testing.B) (*vhost.Channel, *sink) {
	c := clock.New()
	b.Cleanup(c.Close)
	out := &sink{}
	return vhost.New(vhost.Config{Name: "/", Version: version.V40, Clock: c}).Connect(vhost.ConnInfo{}).OpenChannel(1, out, nil), out
}

func must(b *testing.B, ch *vhost.Channel, methods ...wire.Method) {
	for _, m := range methods {
		if err := ch.Handle(m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkThroughAQueue publishes in confirm mode, delivers and acknowledges a message, with so many queues bound to the same
// exchange by other keys, and so many messages waiting in the queue.
func BenchmarkThroughAQueue(b *testing.B) {
	for _, size := range []struct{ queues, backlog int }{{1, 0}, {1000, 0}, {1, 1000}, {1, 100_000}} {
		b.Run(fmt.Sprintf("queues=%d/backlog=%d", size.queues, size.backlog), func(b *testing.B) {
			ch, out := benchChannel(b)
			must(b, ch, &wire.ConfirmSelect{})
			for i := range size.queues {
				name := fmt.Sprintf("q%d", i)
				must(b, ch, durable(name), &wire.QueueBind{Queue: name, Exchange: "amq.direct", RoutingKey: name})
			}
			m, body := &wire.BasicPublish{Exchange: "amq.direct", RoutingKey: "q0"}, make([]byte, 100)
			publish := func() {
				if err := ch.Publish(m, &wire.ContentHeader{Class: 60}, body); err != nil {
					b.Fatal(err)
				}
			}
			for range size.backlog {
				publish()
			}
			must(b, ch, &wire.BasicQos{PrefetchCount: 1}, &wire.BasicConsume{Queue: "q0"})
			if size.backlog > 0 {
				must(b, ch, &wire.BasicAck{DeliveryTag: out.tag})
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				publish()
				must(b, ch, &wire.BasicAck{DeliveryTag: out.tag})
			}
		})
	}
}
