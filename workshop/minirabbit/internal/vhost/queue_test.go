package vhost_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

const locked = "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on " +
	"another connection or the exclusive property value does not match that of the original declaration."

func TestAnExclusiveQueueIsForItsConnection(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(&wire.QueueDeclare{Queue: "q", Exclusive: true}, &wire.QueueBind{Queue: "q", Exchange: "amq.direct"})
	a.another(2).does(&wire.QueueDeclare{Queue: "q", Exclusive: true}, &wire.BasicConsume{Queue: "q"})
	for _, m := range []wire.Method{
		&wire.QueueDeclare{Queue: "q", Exclusive: true}, &wire.QueueDeclare{Queue: "q"}, &wire.QueueDeclare{Queue: "q", Passive: true},
		&wire.BasicConsume{Queue: "q"}, &wire.BasicGet{Queue: "q"}, &wire.QueueBind{Queue: "q", Exchange: "amq.direct"},
		&wire.QueueUnbind{Queue: "q", Exchange: "amq.direct"}, &wire.QueuePurge{Queue: "q"}, &wire.QueueDelete{Queue: "q"},
	} {
		s.actor().fails(locked, m)
	}
	b := s.actor()
	b.publishes("", "q", "publishing is free")
	a.conn.Close()
	b.fails("404 NOT_FOUND - no queue 'q' in vhost '/'", &wire.QueueDeclare{Queue: "q", Passive: true})
	require.Empty(t, s.Snapshot().Bindings)
}

func TestQueuesAreDeclaredAsRabbitMQDoes(t *testing.T) {
	s := newStage(t, version.V40)
	s.actor().fails("404 NOT_FOUND - no queue 'q' in vhost '/'", &wire.QueueDeclare{Queue: "q", Passive: true})
	s.actor().fails("403 ACCESS_REFUSED - queue name 'amq.q' contains reserved prefix 'amq.*'", durable("amq.q"))
	s.actor().does(durable("q"))
	s.actor().fails("406 PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'",
		&wire.QueueDeclare{Queue: "q"})
	s.actor().fails("406 PRECONDITION_FAILED - invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'r' in vhost '/'",
		durable("r", "x-dead-letter-exchange", wire.Int32(1)))
	a := newStage(t, version.V43).actor()
	err := a.Handle(&wire.QueueDeclare{Queue: "q"})
	require.True(t, err.Connection)
	require.Contains(t, err.Text, "INTERNAL_ERROR - Feature `transient_nonexcl_queues` is deprecated.")
}

func TestQueuesAreDeleted(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q"), &wire.QueueDelete{Queue: "unknown"})
	a.publishes("", "q", "1", "2")
	s.actor().fails("406 PRECONDITION_FAILED - queue 'q' in vhost '/' not empty", &wire.QueueDelete{Queue: "q", IfEmpty: true})
	a.does(&wire.BasicConsume{Queue: "q", ConsumerTag: "c"})
	s.actor().fails("406 PRECONDITION_FAILED - queue 'q' in vhost '/' in use", &wire.QueueDelete{Queue: "q", IfUnused: true})
	a.does(&wire.BasicCancel{ConsumerTag: "c"}, &wire.BasicNack{Multiple: true, Requeue: true})
	a.told()
	a.does(&wire.QueueDelete{Queue: "q", IfUnused: true})
	require.Equal(t, "queue.delete-ok message-count=2", a.told())
}

func TestPurgeTakesWhatIsReady(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q"))
	a.publishes("", "q", "1", "2", "3")
	a.does(&wire.BasicGet{Queue: "q"})
	a.told()
	a.does(&wire.QueuePurge{Queue: "q"}, &wire.BasicNack{DeliveryTag: 1, Requeue: true}, durable("q"))
	require.Equal(t, "queue.purge-ok message-count=2\ndeclare-ok q 1 0", a.told())
	a.fails("404 NOT_FOUND - no queue 'x' in vhost '/'", &wire.QueuePurge{Queue: "x"})
}

func TestAnAutoDeleteQueueGoesWithItsLastConsumer(t *testing.T) {
	s := newStage(t, version.V40)
	a, b := s.actor(), s.actor()
	a.does(&wire.QueueDeclare{Queue: "q", AutoDelete: true}, &wire.BasicConsume{Queue: "q", ConsumerTag: "c"})
	b.does(&wire.BasicConsume{Queue: "q"})
	a.does(&wire.BasicCancel{ConsumerTag: "c"}, &wire.QueueDeclare{Queue: "q", Passive: true})
	b.Close()
	a.fails("404 NOT_FOUND - no queue 'q' in vhost '/'", &wire.QueueDeclare{Queue: "q", Passive: true})
}

func TestAQueueThatNobodyUsesExpires(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q", "x-expires", wire.Int32(3_600_000)))
	s.clock.Advance(50 * time.Minute)
	a.does(&wire.QueueDeclare{Queue: "q", Passive: true}) // counts as use
	s.clock.Advance(50 * time.Minute)
	a.does(&wire.BasicConsume{Queue: "q", ConsumerTag: "c"})
	s.clock.Advance(50 * time.Hour)
	a.does(&wire.BasicCancel{ConsumerTag: "c"})
	s.clock.Advance(61 * time.Minute)
	a.fails("404 NOT_FOUND - no queue 'q' in vhost '/'", &wire.QueueDeclare{Queue: "q", Passive: true})
}

func TestMessagesExpireAtTheHead(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q", "x-message-ttl", wire.Int32(7_200_000)))
	short := wire.Properties{Expiration: wire.Some("60000")}
	a.publish(&wire.BasicPublish{RoutingKey: "q"}, wire.Properties{}, "two hours")
	a.publish(&wire.BasicPublish{RoutingKey: "q"}, short, "a minute, behind")
	s.clock.Advance(time.Hour)
	require.Equal(t, 2, s.depth("q"))
	s.clock.Advance(time.Hour + time.Second)
	require.Equal(t, 0, s.depth("q"))
}
