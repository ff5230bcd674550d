package protocol_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/protocol"
	"warren.example/workshop/wire"
)

const shutdown = `0 connection.close code=320 text="CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'" class-id=0 method-id=0`

func TestTheHandshakeHasALimit(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{HandshakeTimeout: 20 * time.Millisecond})
	dial(t, s.address).want("closed")
	c := dial(t, s.address)
	c.write(hello...)
	c.want("connection.start 0-9", "closed")
}

func TestCloseTellsWhy(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	c := openChannel(t, s.address)
	half := start(t, s.address)
	done := make(chan struct{})
	go func() {
		s.Close("broker forced connection closure with reason 'shutdown'")
		close(done)
	}()
	c.want(shutdown)
	c.send(0, &wire.ConnectionCloseOk{})
	c.want("closed")
	half.want("closed")
	<-done
	require.Empty(t, s.broker.Connections())
	dial(t, s.address).want("closed")
	s.Reopen()
	connect(t, s.address, wire.ConnectionTuneOk{})
}

func TestCloseDoesNotWaitForAClientThatHangs(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	openChannel(t, s.address)
	s.Close("broker forced connection closure with reason 'shutdown'")
}

func TestAnOperatorClosesAConnection(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	c := openChannel(t, s.address)
	require.True(t, s.broker.CloseConnection(s.wait(protocol.ConnectionOpened).Connection, "Closed via management plugin"))
	c.want(`0 connection.close code=320 text="CONNECTION_FORCED - Closed via management plugin" class-id=0 method-id=0`)
	require.Empty(t, s.broker.Connections())
}

func TestPauseHangs(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	c := openChannel(t, s.address)
	s.Pause(true)
	c.send(1, &wire.ConfirmSelect{})
	late := dial(t, s.address)
	late.write(hello...)
	require.NoError(t, c.socket.SetReadDeadline(time.Now().Add(30*time.Millisecond)))
	_, err := c.socket.Read(c.buf)
	require.ErrorContains(t, err, "timeout")
	s.Pause(false)
	c.want("1 confirm.select-ok")
	late.want("connection.start 0-9")
}

func TestAnAlarmBlocksThosePublish(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	publisher, other := openChannel(t, s.address), openChannel(t, s.address)
	publisher.send(1, &wire.ConfirmSelect{})
	publisher.want("1 confirm.select-ok")

	s.broker.SetAlarm("memory")
	publisher.send(1, &wire.ChannelFlow{Active: true})
	publisher.want("1 channel.flow-ok active")
	publisher.publish(1, "nowhere", "x")
	publisher.want(`0 connection.blocked reason="low on memory"`)
	other.send(1, &wire.ConfirmSelect{})
	other.want("1 confirm.select-ok")

	s.broker.SetAlarm("")
	publisher.want("0 connection.unblocked", "1 basic.ack tag=1")
}

func TestABlockedConnectionCanBeClosed(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	c := openChannel(t, s.address)
	s.broker.SetAlarm("memory")
	c.publish(1, "nowhere", "x")
	c.want(`0 connection.blocked reason="low on memory"`)
	s.broker.CloseAll("maintenance")
	c.want(`0 connection.close code=320 text="CONNECTION_FORCED - maintenance" class-id=0 method-id=0`)
	c.send(0, &wire.ConnectionCloseOk{})
	c.want("closed")
}

func TestAClientThatGoesLeavesNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	c := openChannel(t, s.address)
	c.send(1, &wire.QueueDeclare{Queue: "mine", Exclusive: true})
	c.want(`1 queue.declare-ok queue="mine" message-count=0 consumer-count=0`)
	require.NoError(t, c.socket.Close())
	require.Equal(t, "the client closed the socket without a word", s.wait(protocol.ConnectionClosed).Text)
	host, _ := s.broker.Host("/")
	require.Zero(t, host.Counts().Queues)
	require.Empty(t, s.broker.Connections())
}

// Wherever a client leaves, in the middle of a frame too and with or without a goodbye of its socket, nothing is left of it, and
// others are served.
func TestClientsMayLeaveAfterAnyByte(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	script := append(handshake(), message(1, &wire.BasicPublish{RoutingKey: "q"}, "body")...)
	declare, err := wire.AppendMethodFrame(nil, 1, &wire.QueueDeclare{Queue: "q", Exclusive: true})
	require.NoError(t, err)
	script = append(script, declare...)
	for n := range script {
		c := dial(t, s.address)
		c.write(script[:n]...)
		if n%2 == 0 {
			require.NoError(t, c.socket.(*net.TCPConn).SetLinger(0)) // a reset
		}
		require.NoError(t, c.socket.Close())
	}
	connect(t, s.address, wire.ConnectionTuneOk{})
	s.Kill() // returns when nothing is left of any connection
	require.Empty(t, s.broker.Connections())
	host, _ := s.broker.Host("/")
	require.Zero(t, host.Counts().Queues)
	require.Zero(t, host.Counts().Connections)
}
