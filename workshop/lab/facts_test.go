package lab_test

import (
	"context"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

var publish = tap.Filter{From: tap.Client, Method: "basic.publish"}

func TestFactsAreCurrent(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	require.False(t, l.Exists("orders"))
	l.Declare("orders", amqp.Table{"x-max-length": 10})
	require.True(t, l.Exists("orders"))
	require.Zero(t, l.Depth("orders"))
	l.Publish("orders", "order-1", "order-2", "order-3")
	require.Equal(t, 3, l.Depth("orders"))
	require.Equal(t, "order-1", string(l.Get("orders").Body))
	require.Len(t, l.Drain("orders"), 2)
	require.Empty(t, l.Drain("orders"))
	require.True(t, l.Queue("orders").Durable)
	require.EqualValues(t, 10, l.Queue("orders").Arguments["x-max-length"])
	require.Empty(t, l.Bindings())
	l.DeleteQueue("orders")
	require.False(t, l.Exists("orders"))
	require.Empty(t, l.Tap.Recording().All(), "facts leave no trace in the recording")
}

func TestExclusiveQueueExists(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	ch := l.Channel()
	q, err := ch.QueueDeclare("", false, false, true, false, nil)
	require.NoError(t, err)
	require.True(t, l.Exists(q.Name), "another connection is told 405, not 404")
	_, err = ch.QueueDelete(q.Name, false, false, false)
	require.NoError(t, err)
	require.False(t, l.Exists(q.Name))
}

func TestConsumersAndUnackedAreCounted(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Declare("orders", nil)
	l.Publish("orders", "order-1", "order-2", "order-3")
	ch := l.Channel()
	deliveries, err := ch.Consume("orders", "", false, false, false, false, nil)
	require.NoError(t, err)
	require.Equal(t, 1, l.Consumers("orders"))
	l.Await("three deliveries", func() bool { return l.Unacked("orders") == 3 })
	require.Zero(t, l.Depth("orders"), "what is unacked is not ready")
	first, second := <-deliveries, <-deliveries
	require.NoError(t, second.Ack(false))
	l.Await("one answered", func() bool { return l.Unacked("orders") == 2 })
	require.NoError(t, first.Nack(false, true))
	l.WaitFor(tap.Filter{Method: "basic.deliver"}, 4) // the first again
	require.Equal(t, 2, l.Unacked("orders"))
	require.NoError(t, ch.Close())
	require.Zero(t, l.Unacked("orders"))
	l.Await("all given back", func() bool { return l.Depth("orders") == 2 })
}

func TestAnAckThatTheBrokerNeverSawDoesNotCount(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Declare("orders", nil)
	l.Publish("orders", "order-7")
	conn := l.Dial()
	ch, err := conn.Channel()
	require.NoError(t, err)
	deliveries, err := ch.Consume("orders", "", false, false, false, false, nil)
	require.NoError(t, err)
	l.Tap.Add(tap.Drop{On: tap.Trigger{Filter: tap.Filter{Method: "basic.ack"}}})
	d := <-deliveries
	require.NoError(t, d.Ack(false))
	l.Fence(conn)
	require.Equal(t, 1, l.Unacked("orders"))
}

func TestAMissingQueueFailsTheTest(t *testing.T) {
	t.Parallel()
	says := []string{`saw   there is no queue "orders"`, `want  a queue "orders"`, "why   "}
	tell(t, map[string]story{
		"Depth":     {func(l *lab.Lab) { l.Depth("orders") }, says},
		"Consumers": {func(l *lab.Lab) { l.Consumers("orders") }, says},
		"Get":       {func(l *lab.Lab) { l.Get("orders") }, says},
		"Drain":     {func(l *lab.Lab) { l.Drain("orders") }, says},
		"Queue":     {func(l *lab.Lab) { l.Queue("orders") }, says},
		"Publish":   {func(l *lab.Lab) { l.Publish("orders", "x") }, says},
	})
}

func TestWhatDoesNotComeFailsTheTest(t *testing.T) {
	t.Parallel()
	tellHurried(t, map[string]story{
		"Get": {func(l *lab.Lab) {
			l.Declare("orders", nil)
			l.Get("orders")
		}, []string{`saw   queue "orders" stayed empty for 2s`}},
		"Await": {func(l *lab.Lab) {
			l.Go("Receive", untilStopped)
			l.Await("two consumers", func() bool { return false })
		}, []string{"saw   waited 2s for two consumers: nothing came of it\n" +
			"      Receive is running; it stands at claims_test.go:", "want  two consumers"}},
		"Soon": {func(l *lab.Lab) {
			l.Do("Receive", returns(nil))
			l.Check(l.Soon(func() bool { return false }), lab.Claim{Saw: "order-7 did not come"})
		}, []string{"saw   order-7 did not come\n      Receive has returned nil"}},
		"WaitFor": {func(l *lab.Lab) { l.WaitFor(publish, 2) },
			[]string{"saw   0 basic.publish from you within 2s", "want  2 basic.publish from you"}},
		"Expect": {func(l *lab.Lab) { l.Expect(publish, 2, lab.Claim{Saw: "no order came", Want: "orders"}) },
			[]string{"saw   no order came", "want  orders"}},
	})
}

func TestAClaimWithoutAWireShowsTheLastEvents(t *testing.T) {
	t.Parallel()
	tell(t, map[string]story{
		"a publish": {func(l *lab.Lab) {
			ch := l.Channel()
			l.Declare("orders", nil)
			l.Do("Send", func(ctx context.Context) error {
				return ch.PublishWithContext(ctx, "", "orders", false, false, amqp.Publishing{Body: []byte("order-7")})
			})
			l.WaitFor(publish, 1)
			l.Note("order-%d is on its way", 7)
			l.Fail(lab.Claim{Saw: "x"})
		}, []string{"wire  you→broker publish key=\"orders\" 7 bytes ← order-7 is on its way\n"}},
	})
}

func TestAfterTheFenceAllIsInTheRecording(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Declare("orders", nil)
	conn := l.Dial()
	ch, err := conn.Channel()
	require.NoError(t, err)
	require.Equal(t, 1, l.OpenChannels(conn))
	for range 100 {
		require.NoError(t, ch.Publish("", "orders", false, false, amqp.Publishing{Body: []byte("x")}))
	}
	l.Fence(conn)
	require.Equal(t, 100, l.Tap.Recording().Count(publish))
	opens := l.Tap.Recording().Find(tap.Filter{Method: "channel.open"})
	require.Len(t, opens, 2, "the test's and the fence's")
	require.Equal(t, l.Wire(opens[0]), l.Wire(opens...), "a fence is not shown")
	require.NoError(t, ch.Close())
	require.Zero(t, l.OpenChannels(conn))
	require.NoError(t, conn.Close())
	l.Fence(conn)
}

func TestACrashIsFinal(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Declare("orders", nil)
	l.Publish("orders", "order-7")
	ch := l.Channel()
	deliveries, err := ch.Consume("orders", "", false, false, false, false, nil)
	require.NoError(t, err)
	d := <-deliveries
	l.Crash()
	l.Await("the message back in its queue", func() bool { return l.Depth("orders") == 1 })
	require.Zero(t, l.Unacked("orders"))
	require.Error(t, d.Ack(false))
	_, err = amqp.Dial(l.URL)
	require.Error(t, err)
	require.True(t, l.Get("orders").Redelivered)
}
