package tap_test

import (
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestAHalfCloseIsPassedOnAndTheOtherHalfGoesOn(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.client.publish("last")
	s.client.closeWrite()
	require.Equal(t, "last", s.broker.hear().body)
	s.broker.hearsEnd()
	s.toClient(1, &wire.BasicDeliver{DeliveryTag: 1}, "still here")
	require.False(t, s.Connections()[0].Open)
	require.NoError(t, s.broker.conn.Close())
	s.client.hearsEnd()
}

func TestTheBrokersHalfCloseIsPassedOn(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.broker.say(0, &wire.ConnectionClose{ReplyCode: 320, ReplyText: "CONNECTION_FORCED"})
	s.broker.closeWrite()
	require.Equal(t, "connection.close", s.client.hear().method.Name())
	s.client.hearsEnd()
	s.client.say(0, &wire.ConnectionCloseOk{})
	require.Equal(t, "connection.close-ok", s.broker.hear().method.Name())
	end := s.wait(tap.Filter{Method: "disconnect"}, 1)
	require.Equal(t, "broker closed the connection without a farewell", end[0].Text)
	require.True(t, s.Connections()[0].Open, "the client has not closed it")
}

func TestAHalfClosedConnectionCanBeCut(t *testing.T) {
	t.Parallel()
	for _, who := range []tap.Side{tap.Client, tap.Broker} {
		s := playChannel(t)
		ends, stays := s.client, s.broker
		if who == tap.Broker {
			ends, stays = s.broker, s.client
		}
		ends.closeWrite()
		stays.hearsEnd()
		s.CutAll()
		ends.hearsEnd()
	}
}

func TestASuddenEndReachesTheOtherSide(t *testing.T) {
	t.Parallel()
	for _, who := range []tap.Side{tap.Client, tap.Broker} {
		s := playChannel(t)
		dies, stays := s.client, s.broker
		if who == tap.Broker {
			dies, stays = s.broker, s.client
		}
		require.NoError(t, dies.conn.(*net.TCPConn).SetLinger(0)) // the kernel says RST, as after kill -9
		require.NoError(t, dies.conn.Close())
		stays.hearsEnd()
		end := s.wait(tap.Filter{Method: "disconnect"}, 1)
		require.Equal(t, who.String()+" broke the connection off", end[0].Text)
		s.CutAll()
		require.False(t, s.Connections()[0].Open)
	}
}

func TestABrokerThatIsNotThereEndsTheConnection(t *testing.T) {
	t.Parallel()
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, dead.Close())
	tp := startTap(t, tap.Config{Target: dead.Addr().String()})
	dialInVain(t, tp.Addr())
	events, err := tp.Recording().Wait(within(t), tap.Filter{Method: "disconnect"}, 1)
	require.NoError(t, err)
	require.Contains(t, events[0].Text, "the broker at "+dead.Addr().String()+" can't be reached")
	tp.CutAll()
	require.False(t, tp.Connections()[0].Open)
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.connect() // says nothing
	busy, broker := s.connect()
	go func() {
		for {
			if _, err := busy.conn.Write(unit(t, 1, &wire.BasicPublish{}, "x")); err != nil {
				return
			}
		}
	}()
	_ = broker // reads nothing
	s.Add(tap.Delay{On: nthPublish(0), By: never})
	s.publishTo(s.client)
	require.NoError(t, s.Close())
	s.client.hearsEnd()
	s.broker.hearsEnd()
	for _, c := range s.Connections() {
		require.False(t, c.Open)
	}
	for _, e := range s.Recording().Find(tap.Filter{Method: "disconnect"}) {
		require.Equal(t, "closed with the tap", e.Text)
	}
	_, err := net.Dial("tcp", s.Addr())
	require.Error(t, err)
}

// publishTo publishes something and waits until the tap has it.
func (s *script) publishTo(client *end) {
	client.publish("x")
	s.wait(tap.Filter{Method: "basic.publish", Conn: 1}, 1)
}

// Not parallel: it counts goroutines.
func TestAConnectionThatHasEndedLeavesNothingBehind(t *testing.T) {
	s := play(t, tap.Config{})
	require.NoError(t, s.client.conn.Close())
	require.NoError(t, s.broker.conn.Close())
	before := goleak.IgnoreCurrent()
	client, broker := s.connect()
	s.handshake(client, broker)
	require.NoError(t, client.conn.Close())
	broker.hearsEnd()
	require.NoError(t, broker.conn.Close())
	require.NoError(t, goleak.Find(before))
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := tap.Start(tap.Config{})
	require.ErrorContains(t, err, `start tap: target "" is no host:port`)
	_, err = tap.Start(tap.Config{Target: "127.0.0.1:5672", Listen: "256.0.0.1:1"})
	require.ErrorContains(t, err, "start tap: listen")
	_, err = tap.Start(tap.Config{Target: "127.0.0.1:5672", EventLimit: -1})
	require.ErrorContains(t, err, "start tap: event limit -1 is negative")
}

// What a connection was is known as long as the tap is, but not what passed it. Not parallel: it measures the heap.
func TestConnectionsThatHaveEndedKeepNoBuffers(t *testing.T) {
	const (
		connections = 40
		size        = 256 << 10 // bytes that pass each
	)
	s := play(t, tap.Config{})
	heap := liveHeap()
	for range connections {
		client, err := net.Dial("tcp", s.Addr())
		require.NoError(t, err)
		broker, err := s.target.Accept()
		require.NoError(t, err)
		_, err = client.Write(unit(t, 1, &wire.BasicPublish{}, string(make([]byte, size))))
		require.NoError(t, err)
		require.NoError(t, client.Close())
		passed, err := io.Copy(io.Discard, broker)
		require.NoError(t, err)
		require.Greater(t, passed, int64(size))
		require.NoError(t, broker.Close())
	}
	s.CutAll() // returns when all have ended
	require.Less(t, liveHeap()-heap, int64(connections*size/4))
}

// liveHeap is how many bytes are in use.
func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
