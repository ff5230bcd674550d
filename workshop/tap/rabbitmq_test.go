package tap_test

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// The tests below have a real RabbitMQ behind the tap and amqp091-go before it.

// rig is a client on a queue of its own.
type rig struct {
	*tap.Tap
	conn   *amqp.Connection
	ch     *amqp.Channel // in confirm mode
	direct *amqp.Channel // around the tap
	queue  string
}

func newRig(t *testing.T) rig {
	t.Helper()
	u := virtualHost(t)
	direct := channel(t, dial(t, u.String()))
	r := rig{Tap: startTap(t, tap.Config{Target: u.Host}), direct: direct, queue: "orders"}
	_, err := direct.QueueDeclare(r.queue, true, false, false, false, nil)
	require.NoError(t, err)
	u.Host = r.Addr()
	r.conn = dial(t, u.String())
	r.ch = channel(t, r.conn)
	require.NoError(t, r.ch.Confirm(false))
	return r
}

func dial(t *testing.T, url string) *amqp.Connection {
	t.Helper()
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(t.Name())
	conn, err := amqp.DialConfig(url, amqp.Config{Properties: properties})
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func channel(t *testing.T, conn *amqp.Connection) *amqp.Channel {
	t.Helper()
	ch, err := conn.Channel()
	require.NoError(t, err)
	return ch
}

// publish publishes messages 1 to n without waiting, and returns their confirms by their number.
func (r rig) publish(t *testing.T, n int) map[int]*amqp.DeferredConfirmation {
	t.Helper()
	all := map[int]*amqp.DeferredConfirmation{}
	for i := 1; i <= n; i++ {
		c, err := r.ch.PublishWithDeferredConfirm("", r.queue, false, false, amqp.Publishing{Body: fmt.Append(nil, i)})
		require.NoError(t, err)
		all[i] = c
	}
	return all
}

// bodies drains the queue around the tap.
func (r rig) bodies(t *testing.T) []string {
	t.Helper()
	var all []string
	for {
		d, ok, err := r.direct.Get(r.queue, true)
		require.NoError(t, err)
		if !ok {
			return all
		}
		all = append(all, string(d.Body))
	}
}

func TestRabbitMQConversationIsUnderstoodWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	stored, err := r.publish(t, 1)[1].WaitContext(within(t))
	require.NoError(t, err)
	require.True(t, stored)
	facts := r.Connections()[0]
	require.Equal(t, tap.Connection{ID: 1, Open: true, VHost: facts.VHost, Name: t.Name(), Channels: []uint16{1}}, facts)
	require.Contains(t, facts.VHost, "tap-")
	require.NoError(t, r.conn.Close())
	end, err := r.Recording().Wait(within(t), tap.Filter{Method: "disconnect"}, 1)
	require.NoError(t, err)
	require.Equal(t, "you closed the connection", end[0].Text)
	require.Zero(t, r.Recording().Count(tap.Filter{Method: "unreadable"}))
}

func TestRabbitMQConfirmsOfManyInFlightStayRight(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Add(tap.Drop{On: everyNth(10)})
	r.Add(tap.Refuse{On: everyNth(7)})
	r.Add(tap.NackForAck{On: everyNth(13)})
	held := r.Add(tap.HoldConfirm{On: everyNth(11)})
	isDropped := func(i int) bool { return i%10 == 0 }
	isHeld := func(i int) bool { return i%11 == 0 && !isDropped(i) && i%7 != 0 }
	isStored := func(i int) bool { return i%7 != 0 && i%13 != 0 }

	const publishes = 2_000
	confirms := r.publish(t, publishes)
	check := func(i int) {
		stored, err := confirms[i].WaitContext(within(t))
		require.NoError(t, err)
		require.Equal(t, isStored(i), stored, "publish %d", i)
	}
	var inQueue []string
	waiting := 0
	for i := 1; i <= publishes; i++ {
		if !isDropped(i) && i%7 != 0 {
			inQueue = append(inQueue, fmt.Sprint(i))
		}
		switch {
		case isHeld(i):
			waiting++
		case !isDropped(i):
			check(i)
		}
	}
	require.Equal(t, inQueue, r.bodies(t))
	isKept := func(e tap.Event) bool { return e.Fate == tap.Held }
	_, err := r.Recording().Wait(within(t), tap.Filter{Where: isKept}, waiting)
	require.NoError(t, err)
	for i, c := range confirms {
		select {
		case <-c.Done():
			require.False(t, isDropped(i) || isHeld(i), "publish %d was answered", i)
		default:
		}
	}
	held.Remove()
	for i := range confirms {
		if isHeld(i) {
			check(i)
		}
	}
}

// everyNth means the publishes n, 2n, 3n … on a channel in confirm mode.
func everyNth(n uint64) tap.Trigger {
	return tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.publish", Where: func(e tap.Event) bool {
		return e.Number%n == 0
	}}}
}

func TestRabbitMQNacksAsTheTapDoes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	full := amqp.Table{"x-max-length": 0, "x-overflow": "reject-publish"}
	_, err := r.direct.QueueDeclare("full", true, false, false, false, full)
	require.NoError(t, err)
	r.queue = "full"
	r.Add(tap.Refuse{On: tap.Trigger{Nth: 1}})
	for _, c := range r.publish(t, 2) {
		stored, err := c.WaitContext(within(t))
		require.NoError(t, err)
		require.False(t, stored)
	}
	nacks := r.Recording().Find(tap.Filter{Method: "basic.nack"})
	require.Equal(t, []tap.Fate{tap.Injected, tap.Changed}, fatesOf(nacks))
	made, real := nacks[0].Method.(*wire.BasicNack), nacks[1].Method.(*wire.BasicNack)
	require.Equal(t, []uint64{1, 2}, []uint64{made.DeliveryTag, real.DeliveryTag})
	require.Equal(t, real.Requeue, made.Requeue) // RabbitMQ sets multiple as it likes
}

func TestRabbitMQTakesBackWhatAClosedChannelHeld(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := r.publish(t, 1)[1].WaitContext(within(t))
	require.NoError(t, err)
	consumer := channel(t, r.conn)
	closed := consumer.NotifyClose(make(chan *amqp.Error, 1))
	deliveries, err := consumer.Consume(r.queue, "c", false, false, false, false, nil)
	require.NoError(t, err)
	first := <-deliveries
	require.False(t, first.Redelivered)

	require.NoError(t, r.CloseChannel(1, 2, 406, "PRECONDITION_FAILED - made up"))
	reason := <-closed
	require.Equal(t, 406, reason.Code)
	require.True(t, reason.Server)
	require.Error(t, first.Ack(false))

	again, err := channel(t, r.conn).Consume(r.queue, "c", false, false, false, false, nil)
	require.NoError(t, err)
	second := <-again
	require.True(t, second.Redelivered)
	require.NoError(t, second.Ack(false))
	require.False(t, r.conn.IsClosed())
}

func TestRabbitMQForgetsACancelledConsumer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cancelled := r.ch.NotifyCancel(make(chan string, 1))
	deliveries, err := r.ch.Consume(r.queue, "c", false, false, false, false, nil)
	require.NoError(t, err)
	_, err = r.publish(t, 1)[1].WaitContext(within(t))
	require.NoError(t, err)
	d := <-deliveries
	require.Equal(t, 1, r.CancelConsumer(tap.Filter{Where: func(e tap.Event) bool {
		return e.Method.(*wire.BasicConsume).Queue == r.queue
	}}))
	require.Equal(t, "c", <-cancelled)
	_, open := <-deliveries
	require.False(t, open)
	require.NoError(t, d.Ack(false), "what it holds can still be acked")
	queue, err := r.direct.QueueDeclarePassive(r.queue, true, false, false, false, nil)
	require.NoError(t, err)
	require.Zero(t, queue.Consumers)
	require.NoError(t, r.ch.Close())
}

func TestRabbitMQClientHearsBlocked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	blocked := r.conn.NotifyBlocked(make(chan amqp.Blocking, 2))
	require.Equal(t, 1, r.Block("low on memory"))
	require.Equal(t, amqp.Blocking{Active: true, Reason: "low on memory"}, <-blocked)
	require.Equal(t, 1, r.Unblock())
	require.Equal(t, amqp.Blocking{}, <-blocked)
}

func TestRabbitMQGotWhatWasForwardedBeforeACut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lost := r.conn.NotifyClose(make(chan *amqp.Error, 1))
	r.Add(tap.Cut{On: nthPublish(3)})
	confirms := r.publish(t, 2)
	for _, c := range confirms {
		_, err := c.WaitContext(within(t))
		require.NoError(t, err)
	}
	_ = r.ch.Publish("", r.queue, false, false, amqp.Publishing{Body: []byte("3")})
	require.NotNil(t, <-lost)
	require.Equal(t, []string{"1", "2"}, r.bodies(t))
}
