package tap_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestBlockIsToldToThoseWhoAskedForIt(t *testing.T) {
	t.Parallel()
	s := playChannel(t) // announces connection.blocked
	deaf, deafBroker := s.connect()
	s.handshakeWith(deaf, deafBroker, nil)
	require.Equal(t, 1, s.Block("low on memory"))
	require.Equal(t, &wire.ConnectionBlocked{Reason: "low on memory"}, s.client.hear().method)
	require.Zero(t, s.Block("low on disk"), "they know already")

	deafBroker.say(0, &wire.ConnectionUnblocked{}) // the first it hears of all this
	require.Equal(t, &wire.ConnectionUnblocked{}, deaf.hear().method)

	require.Equal(t, 1, s.Unblock())
	require.Equal(t, &wire.ConnectionUnblocked{}, s.client.hear().method)
	require.Zero(t, s.Unblock())

	told := s.Recording().Find(tap.Filter{From: tap.Broker, Method: "connection.blocked"})
	require.Len(t, told, 1)
	require.Equal(t, tap.Injected, told[0].Fate)
	require.Equal(t, 1, told[0].Conn)
}

func TestANewConnectionIsToldWhenItPublishes(t *testing.T) {
	t.Parallel()
	s := play(t, tap.Config{})
	require.Zero(t, s.Block("low on memory"), "nobody is there")
	s.handshake(s.client, s.broker)
	s.openChannel(1)
	s.publish("1")
	require.Equal(t, &wire.ConnectionBlocked{Reason: "low on memory"}, s.client.hear().method)
	s.publish("2") // passes
	require.Equal(t, 1, s.Unblock())
	require.Equal(t, &wire.ConnectionUnblocked{}, s.client.hear().method)
}

// consume makes the client consume with a tag.
func (s *script) consume(tag string) {
	s.toBroker(1, &wire.BasicConsume{Queue: "orders", ConsumerTag: tag})
	s.toClient(1, &wire.BasicConsumeOk{ConsumerTag: tag})
}

func TestACancelledConsumerHearsItAfterItsLastDelivery(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.consume("a")
	require.Equal(t, 1, s.CancelConsumer(tap.Filter{}))
	require.Zero(t, s.CancelConsumer(tap.Filter{}), "once is enough")
	require.Equal(t, &wire.BasicCancel{ConsumerTag: "a"}, s.broker.hear().method)
	s.toClient(1, &wire.BasicDeliver{ConsumerTag: "a", DeliveryTag: 1}, "the last")
	s.toClientAs(&wire.BasicCancelOk{ConsumerTag: "a"}, &wire.BasicCancel{ConsumerTag: "a", NoWait: true})
	s.toBroker(1, ack(1))

	cancels := s.Recording().Find(tap.Filter{Method: "basic.cancel"})
	require.Equal(t, []tap.Side{tap.Here, tap.Broker}, []tap.Side{cancels[0].From, cancels[1].From})
	ok, found := s.Recording().First(tap.Filter{Method: "basic.cancel-ok"})
	require.True(t, found)
	require.Equal(t, tap.Dropped, ok.Fate)
}

func TestCancelConsumerMeansThoseOfTheFilter(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.consume("a")
	s.toBroker(1, &wire.BasicConsume{Queue: "invoices"}) // the broker names it
	s.toClient(1, &wire.BasicConsumeOk{ConsumerTag: "amq.ctag-1"})
	s.toBroker(1, &wire.BasicConsume{Queue: "offers", ConsumerTag: "c", NoWait: true})
	named := func(tag string) tap.Filter {
		return tap.Filter{Where: func(e tap.Event) bool { return e.Method.(*wire.BasicConsume).ConsumerTag == tag }}
	}
	require.Zero(t, s.CancelConsumer(named("unknown")))
	require.Zero(t, s.CancelConsumer(tap.Filter{Channel: 2}))
	for _, tag := range []string{"amq.ctag-1", "c"} {
		require.Equal(t, 1, s.CancelConsumer(named(tag)))
		require.Equal(t, &wire.BasicCancel{ConsumerTag: tag}, s.broker.hear().method)
	}
}

func TestAClientThatCancelsAtTheSameTimeGetsItsAnswer(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.consume("a")
	require.Equal(t, 1, s.CancelConsumer(tap.Filter{}))
	s.client.say(1, &wire.BasicCancel{ConsumerTag: "a"})
	for range 2 {
		require.Equal(t, &wire.BasicCancel{ConsumerTag: "a"}, s.broker.hear().method)
		s.broker.say(1, &wire.BasicCancelOk{ConsumerTag: "a"})
	}
	s.client.hears(&wire.BasicCancel{ConsumerTag: "a", NoWait: true}, &wire.BasicCancelOk{ConsumerTag: "a"})
}

func TestAConsumerThatIsGoneCanNotBeCancelled(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.consume("a")
	s.toBroker(1, &wire.BasicCancel{ConsumerTag: "a"})
	s.toClient(1, &wire.BasicCancelOk{ConsumerTag: "a"})
	s.consume("b")
	s.toClient(1, &wire.BasicCancel{ConsumerTag: "b", NoWait: true}) // by the broker
	require.Zero(t, s.CancelConsumer(tap.Filter{}))

	s.consume("c")
	require.Equal(t, 1, s.CancelConsumer(tap.Filter{}))
	require.Equal(t, &wire.BasicCancel{ConsumerTag: "c"}, s.broker.hear().method)
	s.toClientAs(&wire.BasicCancelOk{ConsumerTag: "c"}, &wire.BasicCancel{ConsumerTag: "c", NoWait: true})
}

func TestAClientThatDidNotAskIsNotToldOfTheCancel(t *testing.T) {
	t.Parallel()
	s := play(t, tap.Config{})
	s.handshakeWith(s.client, s.broker, nil)
	s.openChannel(1)
	s.consume("a")
	require.Equal(t, 1, s.CancelConsumer(tap.Filter{}))
	require.Equal(t, &wire.BasicCancel{ConsumerTag: "a"}, s.broker.hear().method)
	s.toClientAs(&wire.BasicCancelOk{ConsumerTag: "a"})
}

// closed checks that both sides were told channel.close.
func (s *script) closed(code uint16, text string) {
	s.t.Helper()
	require.NoError(s.t, s.CloseChannel(1, 1, code, text))
	require.Equal(s.t, &wire.ChannelClose{ReplyCode: code, ReplyText: text}, s.client.hear().method)
	require.Equal(s.t, "channel.close", s.broker.hear().method.Name())
}

func TestAClosedChannelIsClosedOnBothSides(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	s.publish("1")
	s.closed(406, "PRECONDITION_FAILED - unknown delivery tag")
	s.client.say(1, ack(7)) // under way: the broker must not get it
	s.broker.say(1, ack(1)) // under way: the client must not get it
	s.client.say(1, &wire.ChannelCloseOk{})
	s.broker.say(1, &wire.ChannelCloseOk{})
	s.wait(tap.Filter{Method: "channel.close-ok"}, 2)
	require.Empty(t, s.Connections()[0].Channels)

	s.openChannel(1) // the number is free again
	require.Equal(t, []uint16{1}, s.Connections()[0].Channels)
	s.toBroker(1, &wire.ConfirmSelect{})
	s.toClient(1, &wire.ConfirmSelectOk{})
	s.publish("1")
	s.toClient(1, ack(1)) // a new count
}

func TestAChannelCanBeOpenedAgainBeforeTheBrokerIsThrough(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.closed(404, "NOT_FOUND")
	s.client.say(1, &wire.ChannelCloseOk{})
	s.client.say(1, &wire.ChannelOpen{})
	s.client.say(1, &wire.ConfirmSelect{}) // it does not wait for the answer either
	s.wait(tap.Filter{Method: "channel.close-ok"}, 1)
	s.broker.say(1, &wire.ChannelCloseOk{})
	s.broker.hears(&wire.ChannelOpen{}, &wire.ConfirmSelect{})
	s.toClient(1, &wire.ChannelOpenOk{})
}

func TestAClientThatForgetsCloseOkCanOpenAgain(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.closed(404, "NOT_FOUND")
	s.broker.say(1, &wire.ChannelCloseOk{})
	s.wait(tap.Filter{Method: "channel.close-ok"}, 1)
	s.openChannel(1)
}

func TestChannelCloseFromBothSidesAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.closed(404, "NOT_FOUND")
	s.client.say(1, &wire.ChannelClose{ReplyCode: 200})
	s.client.hears(&wire.ChannelCloseOk{})
	s.broker.say(1, &wire.ChannelClose{ReplyCode: 406})
	s.broker.hears(&wire.ChannelCloseOk{})
	s.client.say(1, &wire.ChannelCloseOk{})
	s.broker.say(1, &wire.ChannelCloseOk{})
	s.wait(tap.Filter{Method: "channel.close-ok", Where: func(e tap.Event) bool { return e.Fate == tap.Dropped }}, 2)
	s.openChannel(1)
}

func TestOtherChannelsGoOnWhileOneIsClosed(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.openChannel(2)
	s.closed(404, "NOT_FOUND")
	s.toBroker(2, &wire.BasicPublish{RoutingKey: "orders"}, "x")
	s.toClient(2, &wire.BasicDeliver{DeliveryTag: 1}, "x")
}

func TestOnlyAnOpenChannelCanBeClosed(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	require.ErrorContains(t, s.CloseChannel(2, 1, 404, ""), "close channel 1 of connection 2: no such connection is open")
	require.ErrorContains(t, s.CloseChannel(1, 2, 404, ""), "close channel 2 of connection 1: no such channel is open")
	s.closed(404, "")
	require.Error(t, s.CloseChannel(1, 1, 404, ""))
}

func TestWhatTheTapSaysIsNotJudged(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	all := s.Add(tap.Drop{On: tap.Trigger{Filter: tap.Filter{Method: "basic.nack"}}})
	s.Add(tap.Refuse{})
	s.client.publish("1")
	s.client.hears(nack(1))
	require.Zero(t, all.Struck())
}
