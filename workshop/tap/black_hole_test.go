package tap_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestABlackHoleHealsAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.BlackHole{On: nthPublish(2)})
	s.publish("1")
	s.client.publish("2")
	require.NoError(t, rule.Wait(within(t)))
	s.client.publish("3")
	s.broker.say(1, sentinel)
	inHole := s.wait(tap.Filter{Where: func(e tap.Event) bool { return e.Fate == tap.Held }}, 3)
	require.Equal(t, rule.String(), inHole[0].Fault+", struck once")
	rule.Release()
	require.Equal(t, "2", s.broker.hear().body)
	require.Equal(t, "3", s.broker.hear().body)
	s.client.hears(sentinel)
	s.publish("4")
}

func TestNothingComesOutOfABlackHole(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.BlackHole{On: nthPublish(1)})
	s.client.publish("1")
	require.NoError(t, rule.Wait(within(t)))
	s.broker.say(1, sentinel)
	s.wait(tap.Filter{Method: sentinel.Name()}, 1)
	s.CutAll()
	s.client.hearsEnd()
	s.broker.hearsEnd()
}

func TestTheEndOfAClientDoesNotPassABlackHole(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.BlackHole{On: nthPublish(1)})
	s.client.publish("1")
	require.NoError(t, rule.Wait(within(t)))
	require.NoError(t, s.client.conn.Close())
	s.wait(tap.Filter{Method: "disconnect"}, 1)
	require.False(t, s.Connections()[0].Open)
	s.broker.say(1, sentinel) // the broker does not know
	s.wait(tap.Filter{Method: sentinel.Name()}, 1)
	rule.Remove()
	require.Equal(t, "1", s.broker.hear().body)
	s.broker.hearsEnd()
}

func TestAnEndAloneDoesNotPassABlackHoleEither(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.BlackHole{On: nth(1, tap.Broker, "")})
	s.broker.say(1, sentinel) // nothing is on its way to the broker
	require.NoError(t, rule.Wait(within(t)))
	require.NoError(t, s.client.conn.Close())
	s.wait(tap.Filter{Method: "disconnect"}, 1)
	require.NoError(t, s.broker.conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := s.broker.item()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "the broker hears nothing")
}

func TestAConnectionThatBothSidesGaveUpEndsInABlackHole(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.BlackHole{On: nthPublish(1)})
	s.client.publish("1")
	require.NoError(t, rule.Wait(within(t)))
	s.client.closeWrite()
	s.broker.closeWrite()
	s.client.hearsEnd()
	s.broker.hearsEnd()
}

func TestABlackHoleSwallowsOneConnectionOnly(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.BlackHole{On: nthPublish(1)})
	s.client.publish("1")
	require.NoError(t, rule.Wait(within(t)))
	client, broker := s.connect()
	s.handshake(client, broker)
	client.say(1, &wire.ChannelOpen{})
	require.Equal(t, &wire.ChannelOpen{}, broker.hear().method)
}
