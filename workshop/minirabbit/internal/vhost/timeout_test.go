package vhost_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

func TestAConsumerThatTakesTooLongLosesItsChannel(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q"), &wire.BasicConsume{Queue: "q"})
	a.publishes("", "q", "1", "2")
	s.clock.Advance(20 * time.Minute)
	a.publishes("", "q", "3")
	a.does(&wire.BasicAck{DeliveryTag: 1}, &wire.BasicAck{DeliveryTag: 2})
	s.clock.Advance(20 * time.Minute)
	require.Nil(t, a.failed, "3 is not due yet")
	s.clock.Advance(11 * time.Minute)
	require.EqualError(t, a.failed, "406 PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. "+
		"Timeout value used: 1800000 ms. This timeout value can be configured, see consumers doc guide to learn more")
	require.Zero(t, a.failed.Class)
	require.Equal(t, 1, s.depth("q"))
}

func TestTheTimeoutIsConfigured(t *testing.T) {
	s := newStage(t, version.V40, func(c *vhost.Config) { c.ConsumerTimeout = -1 })
	a := s.actor()
	a.does(durable("q"), &wire.BasicConsume{Queue: "q"})
	a.publishes("", "q", "1")
	s.clock.Advance(1000 * time.Hour)
	require.Nil(t, a.failed)
}

func TestA43QuorumQueueCancelsTheSlowConsumer(t *testing.T) {
	s := newStage(t, version.V43)
	a, b := s.actor(), s.actor()
	a.does(durable("classic"), durable("q", "x-queue-type", wire.String("quorum")),
		&wire.BasicConsume{Queue: "classic", ConsumerTag: "k"}, &wire.BasicConsume{Queue: "q", ConsumerTag: "c"})
	a.publishes("", "classic", "0")
	a.publishes("", "q", "1")
	a.told()
	s.clock.Advance(29 * time.Minute)
	a.publishes("", "q", "2")
	s.clock.Advance(2 * time.Minute)
	require.Nil(t, a.failed)
	require.Equal(t, "deliver 2\nbasic.cancel consumer=\"c\" no-wait", a.told())
	b.does(&wire.BasicConsume{Queue: "q", ConsumerTag: "d"})
	require.Equal(t, "basic.consume-ok consumer=\"d\"\ndeliver 1 again", b.told())
	a.does(&wire.BasicAck{DeliveryTag: 2}, &wire.BasicAck{DeliveryTag: 3}) // the first is of no use any more
	require.Equal(t, 1, s.Snapshot().Queues[1].Unacked)

	c := s.actor(func(i *vhost.ConnInfo) { i.CancelNotify = false })
	b.Close()
	c.does(&wire.BasicConsume{Queue: "q"})
	s.clock.Advance(31 * time.Minute)
	require.Contains(t, c.failed.Text, "Timeout value used: -1 ms", "a client that can't be told loses its channel")
}

// RabbitMQ takes numbers of milliseconds that are longer than a Duration.
func TestTimeoutsOfThousandsOfYears(t *testing.T) {
	s := newStage(t, version.V40, func(c *vhost.Config) { c.ConsumerTimeout = math.MaxInt64 })
	a := s.actor()
	a.does(durable("q", "x-consumer-timeout", wire.Int64(math.MaxInt64)), &wire.BasicConsume{Queue: "q"})
	a.publishes("", "q", "1")
	s.clock.Advance(1000 * time.Hour)
	require.Nil(t, a.failed)
}
