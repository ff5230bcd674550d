package tap_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// nth means the nth of a method of a side.
func nth(n int, from tap.Side, method string) tap.Trigger {
	return tap.Trigger{Filter: tap.Filter{From: from, Method: method}, Nth: n}
}

// nthPublish means the nth publish of the client.
func nthPublish(n int) tap.Trigger { return nth(n, tap.Client, "basic.publish") }

// ack and nack are confirms as RabbitMQ says them; the short forms keep the tests below readable.
func ack(tag uint64) wire.Method   { return &wire.BasicAck{DeliveryTag: tag} }
func acks(upTo uint64) wire.Method { return &wire.BasicAck{DeliveryTag: upTo, Multiple: true} }
func nack(tag uint64) wire.Method  { return &wire.BasicNack{DeliveryTag: tag, Requeue: true} }
func nacks(upTo uint64) wire.Method {
	return &wire.BasicNack{DeliveryTag: upTo, Multiple: true, Requeue: true}
}

// sentinel is said by the broker after confirms: when it comes, nothing else does.
var sentinel = &wire.BasicQosOk{}

// confirms plays: the client publishes five, the broker gets those that the rules let through and says what it says; the
// client must hear just that.
func confirms(t *testing.T, got []string, says, hears []wire.Method, faults ...tap.Fault) *script {
	t.Helper()
	s := playConfirms(t)
	for _, f := range faults {
		s.Add(f)
	}
	for _, body := range []string{"1", "2", "3", "4", "5"} {
		s.client.publish(body)
	}
	for _, body := range got {
		require.Equal(t, body, s.broker.hear().body)
	}
	for _, m := range append(says, sentinel) {
		s.broker.say(1, m)
	}
	s.client.hears(append(hears, sentinel)...)
	return s
}

func TestUntouchedConfirmsPassAsTheyAre(t *testing.T) {
	t.Parallel()
	all := []wire.Method{ack(2), nacks(3), acks(5)}
	confirms(t, []string{"1", "2", "3", "4", "5"}, all, all)
}

func TestConfirmsAfterADroppedPublishAreRenumbered(t *testing.T) {
	t.Parallel()
	confirms(t, []string{"1", "3", "4", "5"},
		[]wire.Method{ack(1), ack(3), nack(2), ack(4)},
		[]wire.Method{ack(1), ack(4), nack(3), ack(5)},
		tap.Drop{On: nthPublish(2)})
}

func TestNoMultipleCoversADroppedPublish(t *testing.T) {
	t.Parallel()
	confirms(t, []string{"1", "2", "4", "5"},
		[]wire.Method{acks(4)},
		[]wire.Method{acks(2), ack(4), ack(5)},
		tap.Drop{On: nthPublish(3)})
}

func TestADroppedFirstPublishMakesAllConfirmsSingle(t *testing.T) {
	t.Parallel()
	confirms(t, []string{"2", "3", "4", "5"},
		[]wire.Method{nacks(2), acks(4)},
		[]wire.Method{nack(2), nack(3), ack(4), ack(5)},
		tap.Drop{On: nthPublish(1)})
}

func TestARefusedPublishIsNackedWithTheClientsNumber(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	s.Add(tap.Refuse{On: tap.Trigger{Nth: 2}})
	s.publish("1")
	s.client.publish("2")
	s.client.hears(nack(2))
	s.publish("3", "4")
	s.toClientAs(acks(2), ack(1), ack(3)) // the refused one is no part of it
	s.toClientAs(acks(3), acks(4))
	require.Empty(t, s.Recording().Find(tap.Filter{Where: func(e tap.Event) bool { return e.Fate == tap.Held }}))
}

func TestRefusedPublishesNeverReachTheBroker(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	rule := s.Add(tap.Refuse{})
	s.client.publish("1")
	s.client.publish("2")
	s.client.hears(nack(1), nack(2))
	rule.Remove()
	s.publish("3")
	s.toClientAs(ack(1), ack(3))
	require.Equal(t, 2, rule.Struck())
}

func TestNackForAckTurnsOneOfAMultiple(t *testing.T) {
	t.Parallel()
	s := confirms(t, []string{"1", "2", "3", "4", "5"},
		[]wire.Method{acks(5)},
		[]wire.Method{acks(2), nack(3), acks(5)},
		tap.NackForAck{On: tap.Trigger{Nth: 3}})
	dropped := s.wait(tap.Filter{Where: func(e tap.Event) bool { return e.Fate == tap.Dropped }}, 1)
	require.Equal(t, ack(3), dropped[0].Method, "the recording has what the broker meant")
}

func TestNackForAckLeavesANackAlone(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	rule := s.Add(tap.NackForAck{On: tap.Trigger{Nth: 1}})
	s.publish("1", "2")
	s.toClientAs(nack(1), nack(1))
	s.toClientAs(ack(2), ack(2))
	require.Zero(t, rule.Struck())
}

func TestNoMultipleCoversAHeldConfirm(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	rule := s.Add(tap.Hold{On: nth(1, tap.Broker, "basic.ack")})
	s.publish("1", "2", "3", "4")
	s.broker.say(1, ack(2)) // held
	s.toClientAs(acks(4), ack(1), ack(3), ack(4))
	require.NoError(t, rule.Wait(within(t)))
	rule.Release()
	s.client.hears(ack(2))
}

func TestAHeldMultipleComesWhole(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	rule := s.Add(tap.Hold{On: nth(1, tap.Broker, "basic.ack")})
	s.publish("1", "2", "3", "4")
	s.broker.say(1, acks(3)) // held
	s.toClientAs(ack(4), ack(4))
	rule.Release()
	s.client.hears(acks(3))
}

func TestADroppedConfirmIsNeverMadeUpFor(t *testing.T) {
	t.Parallel()
	confirms(t, []string{"1", "2", "3", "4", "5"},
		[]wire.Method{ack(1), ack(2), acks(5)},
		[]wire.Method{ack(1), ack(3), ack(4), ack(5)},
		tap.Drop{On: nth(2, tap.Broker, "basic.ack")})
}

func TestHoldConfirmTakesItsPublishOutOfAMultiple(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	rule := s.Add(tap.HoldConfirm{On: tap.Trigger{Nth: 2}})
	s.publish("1", "2", "3", "4")
	s.toClientAs(acks(3), ack(1), ack(3))
	s.toClientAs(ack(4), ack(4))
	rule.Release()
	s.client.hears(ack(2))
	require.Equal(t, 1, rule.Struck())
}

func TestAHeldConfirmThatIsReleasedBeforeItComesPasses(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	rule := s.Add(tap.HoldConfirm{})
	s.publish("1", "2")
	rule.Release()
	s.publish("3")
	s.toClientAs(ack(1), ack(1))
	s.toClientAs(acks(3), acks(2)) // 3 came after the release
	require.Equal(t, 1, rule.Struck())
	rule.Release()
	s.client.hears(ack(3))
}

func TestAHeldPublishGetsItsNumberWhenItIsReleased(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	rule := s.Add(tap.Hold{On: nthPublish(1)})
	s.client.publish("1")
	s.publish("2")
	require.NoError(t, rule.Wait(within(t)))
	rule.Release()
	require.Equal(t, "1", s.broker.hear().body)
	s.publish("3")
	s.toClientAs(ack(1), ack(2))
	s.toClientAs(acks(3), ack(1), ack(3))
	s.publish("4", "5")
	s.toClientAs(acks(5), acks(5)) // all is as if nothing had been
}

func TestConfirmModeTwiceIsConfirmModeOnce(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	s.publish("1")
	s.toBroker(1, &wire.ConfirmSelect{})
	s.toClient(1, &wire.ConfirmSelectOk{})
	s.Add(tap.Refuse{})
	s.client.publish("2")
	s.client.hears(nack(2))
}

func TestConfirmsOfOtherChannelsAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	s.openChannel(2)
	s.toBroker(2, &wire.ConfirmSelect{})
	s.toClient(2, &wire.ConfirmSelectOk{})
	s.Add(tap.Drop{On: tap.Trigger{Filter: tap.Filter{Method: "basic.publish", Channel: 1}, Nth: 1}})
	s.client.publish("lost")
	s.toBroker(2, &wire.BasicPublish{RoutingKey: "orders"}, "kept")
	s.toClient(2, acks(1))
	s.publish("second")
	s.toClientAs(ack(1), ack(2))
}

func TestClientAcksAreNoConfirms(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	s.Add(tap.Drop{On: nthPublish(1)})
	s.client.publish("lost")
	s.toClient(1, &wire.BasicDeliver{ConsumerTag: "c", DeliveryTag: 9, RoutingKey: "orders"}, "work")
	s.toBroker(1, ack(9))
	s.publish("second")
	s.toClientAs(ack(1), ack(2))
}

func TestPublishesBeforeConfirmModeHaveNoNumber(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.Refuse{On: tap.Trigger{Nth: 2}})
	s.publish("before")
	s.client.publish("vanishes") // there is nothing to nack
	s.toBroker(1, &wire.ConfirmSelect{})
	s.toClient(1, &wire.ConfirmSelectOk{})
	s.publish("first")
	s.toClientAs(ack(1), ack(1))
	require.Equal(t, 1, rule.Struck())
	published := s.Recording().Find(tap.Filter{Method: "basic.publish"})
	require.Equal(t, []uint64{0, 0, 1}, []uint64{published[0].Number, published[1].Number, published[2].Number})
}

// toClientAs makes the broker say one thing on channel 1 and the client hear others.
func (s *script) toClientAs(says wire.Method, hears ...wire.Method) {
	s.t.Helper()
	s.broker.say(1, says)
	s.broker.say(1, sentinel)
	s.client.hears(append(hears, sentinel)...)
}
