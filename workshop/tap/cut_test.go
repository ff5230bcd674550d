package tap_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestCutBeforeTheSecondPublish(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.Cut{On: nthPublish(2)})
	s.client.write(append(unit(t, 1, &wire.BasicPublish{}, "1"), unit(t, 1, &wire.BasicPublish{}, "2")...))
	require.Equal(t, "1", s.broker.hear().body)
	s.broker.hearsEnd()
	s.client.hearsEnd()
	require.Equal(t, 1, rule.Struck())
	require.False(t, s.Connections()[0].Open)
	end := s.wait(tap.Filter{Method: "disconnect"}, 1)
	require.Equal(t, "cut before the 2nd basic.publish from you", end[0].Text)
}

func TestCutAfterTheSecondPublish(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.Add(tap.Cut{On: nthPublish(2), When: tap.After})
	for _, body := range []string{"1", "2"} {
		s.client.publish(body)
		require.Equal(t, body, s.broker.hear().body)
	}
	s.broker.hearsEnd()
	s.client.hearsEnd()
}

func TestCutAfterAnAckFromTheBroker(t *testing.T) {
	t.Parallel()
	s := playConfirms(t)
	s.Add(tap.Cut{On: nth(1, tap.Broker, "basic.ack"), When: tap.After})
	s.publish("1")
	s.toClient(1, ack(1))
	s.client.hearsEnd()
	s.broker.hearsEnd()
}

func TestCutEndsOneConnectionOnly(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	client, broker := s.connect()
	s.handshake(client, broker)
	s.Add(tap.Cut{On: nthPublish(1)})
	s.client.publish("1")
	s.client.hearsEnd()
	client.say(1, &wire.ChannelOpen{})
	require.Equal(t, &wire.ChannelOpen{}, broker.hear().method)
}

// A sweep cuts at the first unit of the client, then at the second, and so on, until a conversation comes through. Each
// cut must come where it should, and what was before must have arrived.
func TestASweepCutsAtEveryUnit(t *testing.T) {
	t.Parallel()
	steps := []wire.Method{&wire.BasicQos{}, &wire.ConfirmSelect{NoWait: true}, &wire.BasicPublish{}, &wire.BasicAck{}}
	for n := 1; ; n++ {
		s := playChannel(t)
		rule := s.Add(tap.Cut{On: nth(n, tap.Client, "")})
		for _, m := range steps {
			body := []string{"work"}
			s.client.conn.Write(unit(t, 1, m, body[:btoi(wire.HasContent(m))]...)) // it may be cut by now
		}
		for _, m := range steps[:min(n-1, len(steps))] {
			require.Equal(t, m, s.broker.hear().method)
		}
		if n > len(steps) {
			require.Zero(t, rule.Struck())
			break
		}
		s.broker.hearsEnd()
		require.Equal(t, 1, rule.Struck())
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestCutAllHandsOverWhatWasForwarded(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	const publishes = 500
	for i := range publishes {
		s.client.publish(fmt.Sprint(i))
	}
	s.wait(tap.Filter{Method: "basic.publish"}, publishes)
	s.CutAll()
	for i := range publishes {
		require.Equal(t, fmt.Sprint(i), s.broker.hear().body)
	}
	s.broker.hearsEnd()
	s.client.hearsEnd()
	s.CutAll() // nobody is left
}

func TestRefusedConnectionsEndAtOnce(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.Tap.Refuse(true)
	s.client.hearsEnd()
	s.broker.hearsEnd()
	dialInVain(t, s.Addr())
	require.Len(t, s.Connections(), 1)
	s.Tap.Refuse(false)
	s.handshake(s.connect())
}

func TestNothingIsForwardedAfterRefuse(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	written := make(chan int)
	go func() { // a client that publishes as fast as it can until it is cut off
		n := 0
		for ; ; n++ {
			if _, err := s.client.conn.Write(unit(t, 1, &wire.BasicPublish{}, "x")); err != nil {
				break
			}
		}
		written <- n
	}()
	go io.Copy(io.Discard, s.broker.conn)
	s.wait(tap.Filter{Method: "basic.publish"}, 10)
	s.Tap.Refuse(true)
	recorded := s.Recording().Count(tap.Filter{Method: "basic.publish"})
	require.GreaterOrEqual(t, <-written, 10)
	require.Equal(t, recorded, s.Recording().Count(tap.Filter{Method: "basic.publish"}))
}

func TestACutDoesNotWaitForAReaderThatIsStuck(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.broker.writeUntilStuck(unit(t, 1, &wire.BasicDeliver{}, string(make([]byte, 100<<10)))) // the client reads nothing
	s.CutAll()
	_, err := s.broker.conn.Write([]byte("x"))
	for err == nil { // the first one may find room
		_, err = s.broker.conn.Write([]byte("x"))
	}
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

// dialInVain checks that nobody can talk there. The system may accept a connection before the tap can say no.
func dialInVain(t *testing.T, address string) {
	t.Helper()
	if conn, err := net.Dial("tcp", address); err == nil {
		newEnd(t, conn).hearsEnd()
	}
}
