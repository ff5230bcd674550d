package tap_test

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// tooMuch is more than all buffers on the way can take.
const tooMuch = 64 << 20

func TestAWriterFeelsThatNobodyReads(t *testing.T) {
	t.Parallel()
	for _, from := range []tap.Side{tap.Client, tap.Broker} {
		s := playChannel(t)
		writer, reader, m := s.client, s.broker, wire.Method(&wire.BasicPublish{})
		if from == tap.Broker {
			writer, reader, m = s.broker, s.client, &wire.BasicDeliver{}
		}
		go io.Copy(io.Discard, reader.conn)
		rule := s.Add(tap.StopReading{From: from})
		chunk := unit(t, 1, m, string(make([]byte, 100<<10)))

		writer.writeUntilStuck(chunk)
		require.Equal(t, 1, rule.Struck())
		require.Zero(t, s.Recording().Count(tap.Filter{Method: m.Name()}))

		rule.Release()
		s.wait(tap.Filter{Method: m.Name()}, 1)
	}
}

// writeUntilStuck writes chunks until nobody takes more.
func (e *end) writeUntilStuck(chunk []byte) {
	e.t.Helper()
	require.NoError(e.t, e.conn.SetWriteDeadline(time.Now().Add(300*time.Millisecond)))
	var err error
	for written, n := 0, 0; written < tooMuch && err == nil; written += n {
		n, err = e.conn.Write(chunk)
	}
	require.ErrorIs(e.t, err, os.ErrDeadlineExceeded)
	require.NoError(e.t, e.conn.SetWriteDeadline(time.Now().Add(deadline)))
}

func TestReadingStopsForNewConnectionsToo(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.StopReading{From: tap.Client})
	client, broker := s.connect()
	client.write(wire.AppendProtocolHeader(nil, wire.AMQP091))
	require.NoError(t, rule.Wait(within(t)))
	broker.say(0, &wire.ConnectionStart{}) // the other direction passes
	require.Equal(t, "connection.start", client.hear().method.Name())
	rule.Remove()
	require.Equal(t, "AMQP 0-9-1", broker.protocol())
}

func TestStopReadingCanMeanOneConnection(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.Add(tap.StopReading{From: tap.Client, Conn: 2})
	s.handshakeNothing(s.connect())
	s.publish("1")
}

// handshakeNothing makes the client of a new connection speak, so that the tap has something to leave lying.
func (s *script) handshakeNothing(client, _ *end) {
	client.write(wire.AppendProtocolHeader(nil, wire.AMQP091))
}

func TestCloseEndsAConnectionThatIsNotRead(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.StopReading{From: tap.Client})
	s.client.publish("1")
	require.NoError(t, rule.Wait(within(t)))
	require.NoError(t, s.Close())
	s.client.hearsEnd()
	s.broker.hearsEnd()
}

func TestAnEndOfTheBrokerReachesAClientThatIsNotRead(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.StopReading{From: tap.Client})
	s.client.publish("1")
	require.NoError(t, rule.Wait(within(t)))
	require.NoError(t, s.broker.conn.Close())
	_, err := s.client.item()
	require.True(t, errors.Is(err, io.EOF), "got %v", err)
}
