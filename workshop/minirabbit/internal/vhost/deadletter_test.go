package vhost_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// dying is a queue that dead-letters to the default exchange with a key.
func dying(queue, to string, more ...any) *wire.QueueDeclare {
	return durable(queue, append([]any{"x-dead-letter-exchange", wire.String(""), "x-dead-letter-routing-key", wire.String(to)}, more...)...)
}

// take gets the next message of a queue.
func (a *actor) take(queue string) *message.Message {
	a.t.Helper()
	n := len(a.bodies)
	a.does(&wire.BasicGet{Queue: queue, NoAck: true})
	require.Greater(a.t, len(a.bodies), n, "queue %s is empty", queue)
	return a.bodies[n]
}

// rejects gets the next message of a queue and rejects it.
func (a *actor) rejects(queue string) *message.Message {
	a.t.Helper()
	n := len(a.bodies)
	a.does(&wire.BasicGet{Queue: queue})
	require.Greater(a.t, len(a.bodies), n, "queue %s is empty", queue)
	a.does(&wire.BasicReject{DeliveryTag: a.tags[n]})
	return a.bodies[n]
}

// deaths returns x-death with times removed, which differ.
func deaths(t *testing.T, m *message.Message) []string {
	t.Helper()
	v, ok := m.Header("x-death")
	require.True(t, ok, "no x-death in %v", m.Properties.Headers)
	var all []string
	for _, entry := range v.(wire.Array) {
		var kept wire.Table
		for _, f := range entry.(wire.Table) {
			if f.Name != "time" {
				kept = append(kept, f)
			}
		}
		all = append(all, kept.String())
	}
	return all
}

func TestARejectedMessageTellsItsStory(t *testing.T) {
	for v, want := range map[version.Version]string{
		version.V310: `{count=1 reason="rejected" queue="q" exchange="" routing-keys=["q"] original-expiration="60000"}`,
		version.V40:  `{original-expiration="60000" count=1 reason="rejected" queue="q" exchange="" routing-keys=["q"]}`,
	} {
		a := newStage(t, v).actor()
		a.does(dying("q", "dead"), durable("dead"))
		a.publish(&wire.BasicPublish{RoutingKey: "q"}, wire.Properties{Expiration: wire.Some("60000"), DeliveryMode: wire.Some[uint8](2)}, "m")
		a.rejects("q")
		m := a.take("dead")
		require.Equal(t, []string{want}, deaths(t, m))
		require.Equal(t, "/dead", m.Exchange+"/"+m.RoutingKey)
		require.Nil(t, m.Properties.Expiration)
		require.True(t, m.Persistent())
		for _, name := range []string{"reason", "queue", "exchange"} {
			_, first := m.Header("x-first-death-" + name)
			_, last := m.Header("x-last-death-" + name)
			require.True(t, first)
			require.Equal(t, v != version.V310, last, "since 3.13")
		}
	}
}

func TestDeathsOfAKindAreCounted(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(dying("work", "wait"), dying("wait", "work", "x-message-ttl", wire.Int32(60_000)))
	a.publishes("", "work", "m")
	for range 3 {
		a.rejects("work")
		s.clock.Advance(61 * time.Second)
	}
	require.Equal(t, []string{
		`{count=3 reason="expired" queue="wait" exchange="" routing-keys=["wait"]}`,
		`{count=3 reason="rejected" queue="work" exchange="" routing-keys=["work"]}`,
	}, deaths(t, a.take("work")))
}

func TestACycleWithoutARejectEnds(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(dying("q", "r", "x-message-ttl", wire.Int32(1000)), dying("r", "q", "x-message-ttl", wire.Int32(1000)))
	a.publishes("", "q", "m")
	s.clock.Advance(1500 * time.Millisecond)
	require.Equal(t, 1, s.depth("r"))
	s.clock.Advance(time.Hour)
	require.Equal(t, 0, s.depth("q")+s.depth("r"))
}

func TestAMessageMayDieInTheSameQueueIfRejected(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(dying("q", "q"))
	a.publishes("", "q", "m")
	a.rejects("q")
	a.rejects("q")
	require.Equal(t, []string{`{count=2 reason="rejected" queue="q" exchange="" routing-keys=["q"]}`}, deaths(t, a.take("q")))
}

func TestEarlierDeathsAreTurnedRoundBefore313(t *testing.T) {
	for v, want := range map[version.Version][]string{version.V310: {"c", "a", "b"}, version.V40: {"c", "b", "a"}} {
		a := newStage(t, v).actor()
		a.does(dying("a", "b"), dying("b", "c"), dying("c", "d"), durable("d"))
		a.publishes("", "a", "m")
		for _, queue := range []string{"a", "b", "c"} {
			a.rejects(queue)
		}
		died, _ := a.take("d").Header("x-death")
		for i, entry := range died.(wire.Array) {
			queue, _ := entry.(wire.Table).Get("queue")
			require.Equal(t, wire.String(want[i]), queue, "%s, death %d", v, i)
		}
	}
}

func TestWhatIsTooMuchDies(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(dying("q", "dead", "x-max-length", wire.Int32(1)), durable("dead"))
	a.publishes("", "q", "1", "2")
	require.Equal(t, "1", string(a.take("dead").Body))
	require.Equal(t, "2", string(a.take("q").Body))
}

func TestWhatARefusingQueueDeadLettersIsNackedToo(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(&wire.ConfirmSelect{}, dying("q", "dead", "x-max-length", wire.Int32(1), "x-overflow", wire.String("reject-publish-dlx")), durable("dead"))
	a.told()
	a.publishes("", "q", "1", "2")
	require.Equal(t, "ack 1\nnack 2 and all before", a.told())
	require.Equal(t, []string{`{count=1 reason="maxlen" queue="q" exchange="" routing-keys=["q"]}`}, deaths(t, a.take("dead")))
}

func TestWithoutAKeyTheOldOnesStay(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q", "x-dead-letter-exchange", wire.String("amq.direct")), durable("cc"), durable("bcc"),
		&wire.QueueBind{Queue: "cc", Exchange: "amq.direct", RoutingKey: "c"}, &wire.QueueBind{Queue: "bcc", Exchange: "amq.direct", RoutingKey: "b"})
	a.publish(&wire.BasicPublish{RoutingKey: "q"}, wire.Properties{Headers: table(
		"CC", wire.Array{wire.String("c")}, "BCC", wire.Array{wire.String("b")})}, "m")
	a.rejects("q")
	for _, queue := range []string{"cc", "bcc"} {
		m := a.take(queue)
		require.Equal(t, "q", m.RoutingKey)
		require.Equal(t, []string{`{count=1 reason="rejected" queue="q" exchange="" routing-keys=["q" "c"]}`}, deaths(t, m), "BCC is a secret")
	}
}

func TestADeadLetterExchangeThatIsNotThereLosesMessages(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q", "x-dead-letter-exchange", wire.String("missing")))
	a.publishes("", "q", "m")
	a.rejects("q")
	require.Equal(t, 0, s.depth("q"))
}

func TestDeathsThatClientsWriteCountOnlyBefore4(t *testing.T) {
	written := wire.Array{table("count", wire.Int64(3), "reason", wire.String("rejected"), "queue", wire.String("q"))}
	for v, want := range map[version.Version][]string{
		version.V310: {`{count=4 queue="q" reason="rejected"}`},
		version.V40:  {`{count=1 reason="rejected" queue="q" exchange="" routing-keys=["q"]}`},
	} {
		a := newStage(t, v).actor()
		a.does(dying("q", "dead"), durable("dead"))
		a.publish(&wire.BasicPublish{RoutingKey: "q"}, wire.Properties{Headers: table("x-death", written)}, "m")
		a.rejects("q")
		require.Equal(t, want, deaths(t, a.take("dead")))
	}
}

func TestAtLeastOnceKeepsWhatNobodyTakes(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(dying("q", "dead", "x-queue-type", wire.String("quorum"), "x-dead-letter-strategy", wire.String("at-least-once"),
		"x-overflow", wire.String("reject-publish")))
	a.publishes("", "q", "m")
	a.rejects("q")
	require.Equal(t, 1, s.Snapshot().Queues[0].Unacked, "nobody is there to take it")
	s.Crash()
	a = s.actor()
	a.does(durable("dead"))
	s.clock.Advance(4 * time.Minute)
	require.Equal(t, "m", string(a.take("dead").Body))
	require.Equal(t, 0, s.Snapshot().Queues[1].Unacked)
}

func TestDeletingAQueueDeadLettersNothing(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(dying("q", "dead"), durable("dead"))
	a.publishes("", "q", "1", "2")
	a.does(&wire.BasicGet{Queue: "q"}, &wire.QueueDelete{Queue: "q"}, &wire.BasicReject{DeliveryTag: 1})
	require.Equal(t, 0, s.depth("dead"))
}

func TestQuorumQueuesGiveUpAtTheDeliveryLimit(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(dying("q", "dead", "x-queue-type", wire.String("quorum"), "x-delivery-limit", wire.Int32(1)), durable("dead"),
		&wire.BasicConsume{Queue: "q", ConsumerTag: "c"})
	a.publishes("", "q", "m")
	a.told()
	a.does(&wire.BasicReject{DeliveryTag: 1, Requeue: true})
	require.Equal(t, "deliver m again", a.told())
	a.does(&wire.BasicNack{DeliveryTag: 2, Requeue: true})
	require.Empty(t, a.told())
	require.Equal(t, []string{`{count=1 reason="delivery_limit" queue="q" exchange="" routing-keys=["q"]}`}, deaths(t, a.take("dead")))
}

// Checked against RabbitMQ 4.0.5.
func TestAQuorumQueueCountsOnWhereAnotherStopped(t *testing.T) {
	quorum := wire.String("quorum")
	for v, want := range map[version.Version]string{version.V310: "deliver m", version.V40: "deliver m again 1", version.V43: "deliver m again 1"} {
		s := newStage(t, v)
		a := s.actor()
		a.does(dying("q", "dead", "x-queue-type", quorum), durable("dead", "x-queue-type", quorum))
		a.publishes("", "q", "m")
		a.rejects("q")
		a.told()
		a.does(&wire.BasicConsume{Queue: "dead"})
		got := a.said[len(a.said)-1]
		if n, ok := a.bodies[len(a.bodies)-1].Header("x-delivery-count"); ok {
			got += " " + n.String()
		}
		require.Equal(t, want, got, v.String())
	}
}

// What a message brought along is told until it comes back for the first time: then RabbitMQ 4.0.5 counts anew.
func TestAQuorumQueueForgetsWhatAnotherCounted(t *testing.T) {
	quorum := wire.String("quorum")
	a := newStage(t, version.V40).actor()
	a.does(dying("q", "dead", "x-queue-type", quorum), durable("dead", "x-queue-type", quorum))
	a.publishes("", "q", "m")
	a.rejects("q")
	a.does(&wire.BasicConsume{Queue: "dead"})
	var counts []string
	for range 3 {
		n, _ := a.bodies[len(a.bodies)-1].Header("x-delivery-count")
		counts = append(counts, n.String())
		a.does(&wire.BasicNack{DeliveryTag: a.tags[len(a.tags)-1], Requeue: true})
	}
	require.Equal(t, []string{"1", "1", "2"}, counts)
}
