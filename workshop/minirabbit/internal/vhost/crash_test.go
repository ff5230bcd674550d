package vhost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

var persistent = wire.Properties{DeliveryMode: wire.Some[uint8](2)}

// fill makes one of everything, with messages in it.
func fill(a *actor) {
	quorum := []any{"x-queue-type", wire.String("quorum")}
	stream := []any{"x-queue-type", wire.String("stream")}
	a.does(durable("classic"), durable("quorum", quorum...), durable("stream", stream...),
		&wire.QueueDeclare{Queue: "transient"}, &wire.QueueDeclare{Queue: "exclusive", Exclusive: true, Durable: true},
		&wire.ExchangeDeclare{Exchange: "durable", Type: "fanout", Durable: true}, &wire.ExchangeDeclare{Exchange: "passing", Type: "fanout"})
	for _, x := range []string{"durable", "passing"} {
		for _, q := range []string{"classic", "quorum", "stream", "transient"} {
			a.does(&wire.QueueBind{Queue: q, Exchange: x})
		}
	}
	a.does(&wire.ExchangeBind{Source: "amq.topic", Destination: "durable", RoutingKey: "#"},
		&wire.ExchangeBind{Source: "amq.topic", Destination: "passing", RoutingKey: "#"})
	a.publish(&wire.BasicPublish{Exchange: "durable"}, persistent, "kept")
	a.publish(&wire.BasicPublish{Exchange: "durable"}, wire.Properties{}, "passing")
	a.publish(&wire.BasicPublish{Exchange: "durable"}, persistent, "acked")
	a.does(&wire.BasicGet{Queue: "classic"}, &wire.BasicGet{Queue: "classic"}, &wire.BasicGet{Queue: "classic"}, &wire.BasicAck{DeliveryTag: 3},
		&wire.BasicGet{Queue: "quorum"}, &wire.BasicGet{Queue: "quorum"}, &wire.BasicGet{Queue: "quorum"}, &wire.BasicAck{DeliveryTag: 6})
}

// requireSurvivors looks for what of fill must be there after a restart.
func requireSurvivors(t *testing.T, s *stage) {
	t.Helper()
	snapshot := s.Snapshot()
	var queues, exchanges []string
	for _, q := range snapshot.Queues {
		queues = append(queues, q.Name)
	}
	for _, x := range snapshot.Exchanges[len(routing.Predeclared()):] {
		exchanges = append(exchanges, x.Name)
	}
	require.Equal(t, []string{"classic", "quorum", "stream"}, queues)
	require.Equal(t, []string{"durable"}, exchanges)
	require.Len(t, snapshot.Bindings, 4)
	require.Empty(t, snapshot.Channels)
	require.Empty(t, snapshot.Consumers)

	a := s.actor()
	a.does(&wire.BasicGet{Queue: "classic"}, &wire.BasicGet{Queue: "classic"})
	require.Equal(t, "get-ok kept again, 0 left\nbasic.get-empty", a.told())
	a.does(&wire.BasicGet{Queue: "quorum"}, &wire.BasicGet{Queue: "quorum"}, &wire.BasicGet{Queue: "quorum"})
	require.Equal(t, "get-ok kept again, 1 left\nget-ok passing again, 0 left\nbasic.get-empty", a.told())
	count, _ := a.bodies[1].Header("x-delivery-count")
	require.Equal(t, wire.Int64(1), count)
	a.does(&wire.BasicQos{PrefetchCount: 10},
		&wire.BasicConsume{Queue: "stream", ConsumerTag: "s", Arguments: table("x-stream-offset", wire.String("first"))})
	require.Equal(t, "basic.qos-ok\nbasic.consume-ok consumer=\"s\"\ndeliver kept\ndeliver passing\ndeliver acked", a.told())
	a.publish(&wire.BasicPublish{Exchange: "amq.topic"}, persistent, "new")
	require.Equal(t, "deliver new", a.told())
	require.Equal(t, 1, s.depth("classic"))
}

func TestACrashLeavesWhatIsDurable(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	fill(a)
	a.told()
	s.Crash()
	require.Nil(t, a.ended, "nobody is told")
	require.Nil(t, a.Handle(durable("ignored")))
	a.Close()
	a.conn.Close()
	require.Empty(t, a.told())
	requireSurvivors(t, s)
	s.Crash()
	require.Equal(t, 3, s.depth("quorum"))
}

func TestAHostThatIsClosedTellsConsumersAndConnections(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q", "x-expires", wire.Int32(1000)), &wire.BasicConsume{Queue: "q", ConsumerTag: "c"})
	a.told()
	s.Close(fault.Connection(fault.ConnectionForced, "vhost '/' is down"))
	require.Equal(t, `basic.cancel consumer="c" no-wait`, a.told())
	require.EqualError(t, a.ended, "320 CONNECTION_FORCED - vhost '/' is down")
	require.Zero(t, s.Counts().Queues)
	b := s.actor()
	require.Nil(t, b.Handle(durable("q")))
	require.Empty(t, b.told(), "nobody comes in any more")
}
