package tap_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// never is a delay that no test lives to see the end of.
const never = 24 * time.Hour

func TestDropTakesOutTheNthOnly(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.Drop{On: nthPublish(2)})
	s.publish("1")
	s.client.publish("2")
	s.publish("3")
	require.Equal(t, 1, rule.Struck())
	require.Equal(t, "drop the 2nd basic.publish from you, struck once", rule.String())
	dropped := s.Recording().Find(tap.Filter{Method: "basic.publish"})[1]
	require.Equal(t, tap.Dropped, dropped.Fate)
	require.Equal(t, "drop the 2nd basic.publish from you", dropped.Fault)
}

func TestDropEachTimeUntilRemoved(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.Drop{On: nthPublish(0)})
	s.client.publish("1")
	s.client.publish("2")
	s.wait(tap.Filter{Method: "basic.publish"}, 2)
	rule.Remove()
	s.publish("3")
	require.Equal(t, 2, rule.Struck())
}

func TestDropFromTheBroker(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.Add(tap.Drop{On: nth(1, tap.Broker, "basic.deliver")})
	for tag, body := range []string{"lost", "kept"} {
		s.broker.say(1, &wire.BasicDeliver{ConsumerTag: "c", DeliveryTag: uint64(tag + 1), RoutingKey: "orders"}, body)
	}
	require.Equal(t, "kept", s.client.hear().body)
}

func TestATriggerCanAskForAnything(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.openChannel(2)
	s.Add(tap.Drop{On: tap.Trigger{Filter: tap.Filter{
		Channel: 2,
		Where:   func(e tap.Event) bool { return string(e.Body) == "bad" && e.Header.BodySize == 3 },
	}}})
	s.publish("bad")
	s.toBroker(2, &wire.BasicPublish{RoutingKey: "orders"}, "good")
	s.client.say(2, &wire.BasicPublish{RoutingKey: "orders"}, "bad")
	s.publish("end")
}

func TestEveryRuleCountsEveryUnit(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.Add(tap.Drop{On: nthPublish(1)})
	second := s.Add(tap.Drop{On: nthPublish(2)})
	s.client.publish("1")
	s.client.publish("2")
	s.publish("3")
	require.Equal(t, 1, second.Struck())
}

func TestAStoppedUnitIsStruckOnce(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.Add(tap.Drop{On: nthPublish(1)})
	late := s.Add(tap.Delay{On: nthPublish(1), By: never})
	s.client.publish("1")
	s.publish("2")
	require.Zero(t, late.Struck())
	require.ErrorIs(t, late.Wait(expired(t)), errExpired)
}

func TestHeldUnitsGoOnInTheirOrder(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.Hold{On: nthPublish(0)})
	s.client.publish("1")
	s.client.publish("2")
	s.toBroker(1, &wire.BasicQos{PrefetchCount: 1}) // passes
	s.wait(tap.Filter{Method: "basic.publish"}, 2)
	rule.Release()
	require.Equal(t, "1", s.broker.hear().body)
	require.Equal(t, "2", s.broker.hear().body)

	s.client.publish("3") // the rule is still there
	s.wait(tap.Filter{Method: "basic.publish"}, 3)
	rule.Remove()
	require.Equal(t, "3", s.broker.hear().body)
	s.publish("4")
	require.Equal(t, 3, rule.Struck())
	released := s.wait(tap.Filter{From: tap.Here, Method: "fault"}, 3)
	require.Equal(t, `released: you → broker  basic.publish exchange="" key="orders" 1 byte`, released[0].Text)
}

func TestWhatIsHeldForAClosedChannelIsLost(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.Hold{On: nthPublish(0)})
	s.client.publish("1")
	s.toBroker(1, &wire.ChannelClose{ReplyCode: 200})
	s.toClient(1, &wire.ChannelCloseOk{})
	s.openChannel(1)
	rule.Release()
	s.toBroker(1, &wire.BasicQos{PrefetchCount: 1}) // not the publish
	lost := s.wait(tap.Filter{From: tap.Here, Method: "fault"}, 1)
	require.Contains(t, lost[0].Text, "lost with its channel")
}

func TestWhatWasHeldBeforeConfirmModeIsLost(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.Hold{On: nthPublish(1)})
	s.client.publish("before") // has no number
	s.toBroker(1, &wire.ConfirmSelect{})
	s.toClient(1, &wire.ConfirmSelectOk{})
	rule.Release()
	s.publish("1")
	s.toClient(1, ack(1))
}

func TestDelayKeepsTheOrderAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.Delay{On: nthPublish(2), By: 20 * time.Millisecond})
	s.publish("1", "2", "3")
	require.Equal(t, 1, rule.Struck())
	fates := fatesOf(s.Recording().Find(tap.Filter{Method: "basic.publish"}))
	require.Equal(t, []tap.Fate{tap.Passed, tap.Delayed, tap.Passed}, fates)
}

func TestManyUnitsAreDelayedAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.Add(tap.Delay{On: nthPublish(0), By: deadline / 100})
	bodies := make([]string, 200) // one after another they would take twice the deadline
	for i := range bodies {
		bodies[i] = "x"
	}
	s.publish(bodies...)
}

func TestWhatIsDelayedIsLostWithTheConnection(t *testing.T) {
	t.Parallel()
	for _, fault := range []tap.Fault{
		tap.Delay{On: nthPublish(1), By: never},
		tap.Slow{From: tap.Client, BytesPerSecond: 1},
	} {
		s := playChannel(t)
		rule := s.Add(fault)
		s.client.publish("1")
		s.client.publish("2")
		s.toClient(1, &wire.ChannelFlow{}) // the other direction is not late
		require.NoError(t, rule.Wait(within(t)))
		s.CutAll()
		s.broker.hearsEnd()
	}
}

func TestWhatIsDelayedDoesNotPileUp(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.Add(tap.Delay{On: nthPublish(0), By: never})
	s.client.writeUntilStuck(unit(t, 1, &wire.BasicPublish{}, string(make([]byte, 1000))))
	require.Less(t, s.Recording().Count(tap.Filter{Method: "basic.publish"}), 1000)
}

func TestSlowSendsOneAfterTheOther(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.Add(tap.Slow{From: tap.Client, BytesPerSecond: 10_000})
	const publishes = 100 // each takes a tenth of a second
	for range publishes {
		s.client.publish(string(make([]byte, 1000)))
	}
	s.wait(tap.Filter{Method: "basic.publish"}, publishes)
	for range 3 {
		s.broker.hear()
	}
	s.CutAll()
	arrived := 3
	for _, err := s.broker.item(); err == nil; _, err = s.broker.item() {
		arrived++
	}
	require.Less(t, arrived, publishes)
}

func TestSlowLosesNothing(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.Slow{From: tap.Broker, BytesPerSecond: 100_000})
	s.publish("fast")
	for tag := range uint64(20) {
		s.broker.say(1, &wire.BasicDeliver{ConsumerTag: "c", DeliveryTag: tag, RoutingKey: "orders"}, "slow")
	}
	for tag := range uint64(20) {
		require.Equal(t, tag, s.client.hear().method.(*wire.BasicDeliver).DeliveryTag)
	}
	require.Equal(t, 20, rule.Struck())
}

func TestHeartbeatsPassAndCountNowhere(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	before := len(s.Recording().All())
	rule := s.Add(tap.Drop{On: tap.Trigger{Nth: 2}})
	heartbeat := wire.AppendFrame(nil, wire.Frame{Type: wire.FrameHeartbeat})
	s.client.write(heartbeat)
	s.client.publish("1")
	s.client.write(heartbeat)
	s.client.publish("2") // the second unit
	s.client.write(heartbeat)
	for _, want := range []wire.FrameType{
		wire.FrameHeartbeat, wire.FrameMethod, wire.FrameHeader, wire.FrameBody, wire.FrameHeartbeat, wire.FrameHeartbeat,
	} {
		item, err := s.broker.item()
		require.NoError(t, err)
		require.Equal(t, want, item.Frame.Type)
	}
	require.Equal(t, 1, rule.Struck())
	require.Len(t, s.Recording().All(), before+2)
}

func TestFaultsPrintThemselves(t *testing.T) {
	t.Parallel()
	third := nthPublish(3)
	where := func(tap.Event) bool { return true }
	somewhere := tap.Filter{Channel: 7, Conn: 2, Where: where}
	for want, fault := range map[string]tap.Fault{
		"delay the 3rd basic.publish from you by 5ms":                tap.Delay{On: third, By: 5 * time.Millisecond},
		"cut before the 3rd basic.publish from you":                  tap.Cut{On: third},
		"cut after the 21st basic.ack from broker":                   tap.Cut{On: nth(21, tap.Broker, "basic.ack"), When: tap.After},
		"drop the 12th unit from broker":                             tap.Drop{On: nth(12, tap.Broker, "")},
		"hold each unit on channel 7 of connection 2 that fits":      tap.Hold{On: tap.Trigger{Filter: somewhere}},
		"black hole from the 1st unit on connection 4 on":            tap.BlackHole{On: tap.Trigger{Filter: tap.Filter{Conn: 4}, Nth: 1}},
		"slow down what comes from broker to 9600 bytes a second":    tap.Slow{From: tap.Broker, BytesPerSecond: 9600},
		"stop reading from you":                                      tap.StopReading{From: tap.Client},
		"stop reading from broker on connection 2":                   tap.StopReading{From: tap.Broker, Conn: 2},
		"refuse each basic.publish from you":                         tap.Refuse{},
		"turn the ack of the 2nd basic.publish from you into a nack": tap.NackForAck{On: tap.Trigger{Nth: 2}},
		"hold the confirm of the 2nd basic.publish from you":         tap.HoldConfirm{On: tap.Trigger{Nth: 2}},
	} {
		require.Equal(t, want, fault.String())
	}
}

func fatesOf(events []tap.Event) []tap.Fate {
	fates := make([]tap.Fate, len(events))
	for i, e := range events {
		fates[i] = e.Fate
	}
	return fates
}
