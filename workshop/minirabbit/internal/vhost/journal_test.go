package vhost_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// book is a journal in memory.
type book struct {
	events []vhost.Event
	wanted uint64
}

func (b *book) Append(e *vhost.Event) uint64 {
	b.events = append(b.events, *e)
	return uint64(len(b.events))
}

func (b *book) Flush(n uint64) { b.wanted = n }

// replay makes a host of what is in the book.
func (b *book) replay(t *testing.T, v version.Version) *stage {
	t.Helper()
	s := newStage(t, v)
	for _, e := range b.events {
		require.NoError(t, s.Restore(&e))
	}
	require.NoError(t, s.UseJournal(&book{}))
	return s
}

func withJournal(b *book) func(*vhost.Config) { return func(c *vhost.Config) { c.Journal = b } }

func TestTheJournalBringsEverythingBack(t *testing.T) {
	b := &book{}
	s := newStage(t, version.V40, withJournal(b))
	fill(s.actor())
	requireSurvivors(t, b.replay(t, version.V40))
}

func TestWhatIsGoneStaysGone(t *testing.T) {
	b := &book{}
	s := newStage(t, version.V40, withJournal(b))
	a := s.actor()
	a.does(dying("q", "dead"), durable("dead"), durable("gone"), direct("gone"),
		&wire.ExchangeDeclare{Exchange: "x", Type: "direct", Durable: true, AutoDelete: true},
		&wire.QueueBind{Queue: "gone", Exchange: "amq.direct"}, &wire.QueueBind{Queue: "q", Exchange: "amq.direct"},
		&wire.QueueBind{Queue: "q", Exchange: "x"}, &wire.QueueUnbind{Queue: "q", Exchange: "amq.direct"})
	for _, body := range []string{"dies", "purged", "purged too"} {
		a.publish(&wire.BasicPublish{RoutingKey: "q"}, persistent, body)
	}
	a.rejects("q")
	a.does(&wire.QueuePurge{Queue: "q"})
	a.publish(&wire.BasicPublish{RoutingKey: "q"}, persistent, "got")
	a.take("q")
	a.publish(&wire.BasicPublish{RoutingKey: "q"}, wire.Properties{DeliveryMode: wire.Some[uint8](2), Expiration: wire.Some("60000")}, "short")
	a.does(&wire.QueueDelete{Queue: "gone"}, &wire.ExchangeDelete{Exchange: "gone"}, &wire.QueueUnbind{Queue: "q", Exchange: "x"})

	again := b.replay(t, version.V40)
	require.Empty(t, again.Snapshot().Bindings)
	require.Len(t, again.Snapshot().Queues, 2)
	require.Equal(t, 1, again.depth("q"))
	again.clock.Advance(2 * time.Minute)
	require.Equal(t, 0, again.depth("q"), "it still expires")
	c := again.actor()
	m := c.take("dead")
	require.Equal(t, "dies", string(m.Body))
	require.Len(t, m.Deaths, 1)
}

func TestAConfirmWaitsForTheDisk(t *testing.T) {
	b := &book{}
	s := newStage(t, version.V40, withJournal(b))
	a := s.actor()
	a.does(&wire.ConfirmSelect{}, durable("q"), &wire.QueueDeclare{Queue: "transient"})
	a.told()
	publish := func(queue string, p wire.Properties) uint64 {
		a.publish(&wire.BasicPublish{RoutingKey: queue}, p, "m")
		return b.wanted
	}
	first := publish("q", persistent)
	second := publish("q", persistent)
	publish("q", wire.Properties{})
	publish("transient", persistent)
	publish("nobody", persistent)
	sixth := publish("q", persistent)
	require.Equal(t, "ack 3\nack 4\nack 5", a.told(), "for these there is nothing to wait")
	require.Equal(t, 3, s.Snapshot().Channels[0].Unconfirmed)
	s.Safe(first - 1)
	require.Empty(t, a.told())
	s.Safe(second)
	require.Equal(t, "ack 2 and all before", a.told())
	s.Safe(sixth)
	require.Equal(t, "ack 6", a.told())
	require.Zero(t, s.Snapshot().Channels[0].Unconfirmed)
}

func TestAJournalThatFailsConfirmsNothing(t *testing.T) {
	b := &book{}
	s := newStage(t, version.V40, withJournal(b))
	a := s.actor()
	a.does(&wire.ConfirmSelect{}, durable("q"))
	a.told()
	a.publish(&wire.BasicPublish{RoutingKey: "q"}, persistent, "1")
	s.Failed()
	a.publish(&wire.BasicPublish{RoutingKey: "q"}, persistent, "2")
	a.publish(&wire.BasicPublish{RoutingKey: "q"}, wire.Properties{}, "3")
	require.Equal(t, "nack 1 and all before\nnack 2 and all before\nack 3", a.told())
}

func TestTheJournalHearsWhatAStreamDrops(t *testing.T) {
	b := &book{}
	s := newStage(t, version.V40, withJournal(b))
	a := s.actor()
	a.does(durable("s", "x-queue-type", wire.String("stream"), "x-max-length-bytes", wire.Int32(1000), "x-stream-max-segment-size-bytes", wire.Int32(200)))
	for range 100 {
		a.publish(&wire.BasicPublish{RoutingKey: "s"}, wire.Properties{}, "0123456789012345678901234567890123456789")
	}
	left := s.depth("s")
	require.Less(t, left, 100)
	again := b.replay(t, version.V40)
	require.Equal(t, left, again.depth("s"))
	c := again.actor()
	c.does(&wire.BasicQos{PrefetchCount: 1}, &wire.BasicConsume{Queue: "s", Arguments: table("x-stream-offset", wire.String("first"))})
	offset, _ := c.bodies[0].Header("x-stream-offset")
	require.Equal(t, wire.Int64(100-left), offset)
}

func TestWhatCameBackIsRedeliveredAfterACrash(t *testing.T) {
	b := &book{}
	s := newStage(t, version.V43, withJournal(b))
	a := s.actor()
	a.does(durable("q", "x-queue-type", wire.String("quorum")))
	for _, body := range []string{"nacked", "rejected", "lost", "new"} {
		a.publish(&wire.BasicPublish{RoutingKey: "q"}, persistent, body)
	}
	a.does(&wire.BasicQos{PrefetchCount: 3}, &wire.BasicConsume{Queue: "q", ConsumerTag: "c"}, &wire.BasicCancel{ConsumerTag: "c"},
		&wire.BasicNack{DeliveryTag: 1, Requeue: true}, &wire.BasicReject{DeliveryTag: 2, Requeue: true})

	again := b.replay(t, version.V43).actor()
	counts := map[string]wire.Value{}
	for range 4 {
		m := again.take("q")
		counts[string(m.Body)], _ = m.Header("x-delivery-count")
	}
	require.Equal(t, map[string]wire.Value{"nacked": nil, "rejected": wire.Int64(1), "lost": wire.Int64(1), "new": nil}, counts,
		"4.3 counts what is rejected or lost")
}

// Wherever the process was killed, what retention drops leaves the journal.
func TestTheJournalOfAKilledStreamHasNoMoreThanTheStream(t *testing.T) {
	whole := &book{}
	fill := func(s *stage) {
		a := s.actor()
		a.does(durable("s", "x-queue-type", wire.String("stream"), "x-max-length-bytes", wire.Int32(1000), "x-stream-max-segment-size-bytes", wire.Int32(400)))
		for range 20 {
			a.publish(&wire.BasicPublish{RoutingKey: "s"}, wire.Properties{}, "0123456789")
		}
	}
	fill(newStage(t, version.V40, withJournal(whole)))
	for killed := range whole.events {
		b := &book{events: slices.Clone(whole.events[:killed])}
		s := newStage(t, version.V40)
		for _, e := range b.events {
			require.NoError(t, s.Restore(&e))
		}
		require.NoError(t, s.UseJournal(b))
		fill(s)
		left := make(map[uint64]bool)
		for _, e := range b.events {
			if e.Kind == vhost.Stored || e.Kind == vhost.Removed {
				left[e.ID] = e.Kind == vhost.Stored
			}
		}
		maps.DeleteFunc(left, func(_ uint64, there bool) bool { return !there })
		require.Len(t, left, s.depth("s"), "killed after %d events", killed)
	}
}
