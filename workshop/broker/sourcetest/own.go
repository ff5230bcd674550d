package sourcetest

import (
	"net"
	"net/url"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/management"
)

// own goes through the life of an own node in steps that build on each other, since every start costs seconds.
func (s suite) own(t *testing.T) {
	if !s.source.Has(broker.Breakable) {
		_, err := s.source.Lease(deadline(t), broker.Request{Kind: broker.Own})
		requireUnsupported(t, err, broker.Breakable)
		return
	}
	lease := s.lease(t, broker.Request{Kind: broker.Own})
	require.Len(t, lease.Nodes(), 1)
	n := lease.Nodes()[0]
	shared := s.lease(t, broker.Request{}).Nodes()[0]
	require.NotEqual(t, shared.Info().AMQP, n.Info().AMQP, "an own node is nobody else's")

	t.Run("PauseKeepsConnectionsAndAnswersNothing", func(t *testing.T) { pauseAndResume(t, n) })
	t.Run("AlarmBlocksPublishers", func(t *testing.T) { s.alarm(t, n) })
	t.Run("Clock", func(t *testing.T) { s.clock(t, n) })
	t.Run("KillCutsAndStartBringsTheDataBack", func(t *testing.T) { killAndStart(t, n) })
	t.Run("StopTellsClients", func(t *testing.T) { stopAndStart(t, n) })
	t.Run("TheNextFindsNothingOfTheLast", func(t *testing.T) { lease = s.leaveThings(t, lease) })
	t.Run("ABrokerLeftPausedServesTheNext", func(t *testing.T) { lease = s.leavePaused(t, lease) })
	t.Run("ABrokerLeftDeadIsReplaced", func(t *testing.T) { s.leaveDead(t, lease) })
}

func killAndStart(t *testing.T, n broker.Node) {
	const queue = "sourcetest.kill"
	before := n.Info()
	// What a declaration changed may stay in memory for some seconds (Mnesia, up to RabbitMQ 4.2), and a kill takes it with it;
	// a confirmed message is on the disk. So the queue is there over an orderly restart before its message is published.
	put(t, n, queue, nil, "before the restart")
	require.NoError(t, n.Stop(deadline(t)))
	require.NoError(t, n.Start(deadline(t)))
	requireMessage(t, n, queue, "before the restart")
	put(t, n, queue, nil, "survives kill -9")
	client, closed := watch(t, n)

	require.NoError(t, n.Kill(deadline(t)))
	requireClosed(t, closed)
	require.False(t, client.heardFarewell(), "a killed broker says no farewell")
	requireRefused(t, n)
	require.NoError(t, n.Kill(deadline(t)), "killing a dead node is fine")

	require.NoError(t, n.Start(deadline(t)))
	require.NoError(t, n.Start(deadline(t)), "starting a running node is fine")
	require.Equal(t, before, n.Info())
	requireMessage(t, n, queue, "survives kill -9")
}

func stopAndStart(t *testing.T, n broker.Node) {
	const queue = "sourcetest.stop"
	put(t, n, queue, nil, "survives a stop")
	// Several clients: RabbitMQ hangs up right after its farewell, and a reset may overtake it on the way to one of them.
	const clients = 12
	var witnesses [clients]*witness
	var closed [clients]<-chan *amqp.Error
	for i := range clients {
		witnesses[i], closed[i] = watch(t, n)
	}

	require.NoError(t, n.Stop(deadline(t)))
	heard := 0
	for i := range clients {
		requireClosed(t, closed[i])
		if witnesses[i].heardFarewell() {
			heard++
		}
	}
	require.Positive(t, heard, "a broker that is stopped in order tells its clients")
	requireRefused(t, n)
	require.NoError(t, n.Stop(deadline(t)), "stopping a dead node is fine")

	require.NoError(t, n.Start(deadline(t)))
	requireMessage(t, n, queue, "survives a stop")
}

func pauseAndResume(t *testing.T, n broker.Node) {
	_, ch := open(t, n)
	require.NoError(t, n.Pause(deadline(t)))

	// The kernel still takes connections for a paused process, but nobody answers the protocol header.
	raw, err := net.Dial("tcp", host(t, n.Info().AMQP))
	require.NoError(t, err)
	defer raw.Close()
	_, err = raw.Write([]byte("AMQP\x00\x00\x09\x01"))
	require.NoError(t, err)
	require.NoError(t, raw.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
	_, err = raw.Read(make([]byte, 1))
	var silence net.Error
	require.ErrorAs(t, err, &silence)
	require.True(t, silence.Timeout(), "a paused node answered or hung up: %v", err)

	declared := make(chan error, 1)
	go func() {
		_, err := ch.QueueDeclare("sourcetest.pause", false, true, true, false, nil)
		declared <- err
	}()
	require.NoError(t, n.Resume(deadline(t)))
	require.NoError(t, n.Resume(deadline(t)), "resuming a node that is not paused is fine")
	select {
	case err := <-declared:
		require.NoError(t, err, "the connection outlived the pause")
	case <-deadline(t).Done():
		require.Fail(t, "no answer after the pause")
	}
}

func (s suite) alarm(t *testing.T, n broker.Node) {
	if !s.source.Has(broker.Alarms) {
		requireUnsupported(t, n.Alarm(deadline(t), true), broker.Alarms)
		return
	}
	conn, ch := open(t, n)
	blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 4))
	require.NoError(t, n.Alarm(deadline(t), true))
	// A connection is blocked when it publishes while the alarm is on.
	require.NoError(t, ch.PublishWithContext(deadline(t), "", "sourcetest.alarm", false, false, amqp.Publishing{}))
	requireBlocking(t, blocked, true)
	require.NoError(t, n.Alarm(deadline(t), false))
	requireBlocking(t, blocked, false)
}

func requireBlocking(t *testing.T, blocked <-chan amqp.Blocking, want bool) {
	t.Helper()
	select {
	case b := <-blocked:
		require.Equal(t, want, b.Active)
	case <-deadline(t).Done():
		require.Failf(t, "no word from the broker", "want connection.blocked: %t", want)
	}
}

func (s suite) clock(t *testing.T, n broker.Node) {
	if !s.source.Has(broker.Clock) {
		requireUnsupported(t, n.Advance(deadline(t), time.Hour), broker.Clock)
		return
	}
	const queue = "sourcetest.clock"
	// Confirmed: it is in the queue before the clock moves.
	put(t, n, queue, amqp.Table{"x-message-ttl": time.Hour.Milliseconds()}, "an hour to live")
	require.NoError(t, n.Advance(deadline(t), 2*time.Hour))
	_, ch := open(t, n)
	_, some, err := ch.Get(queue, true)
	require.NoError(t, err)
	require.False(t, some, "the message is older than its time to live")
}

// leaveThings leaves a queue, a virtual host, a user and an open connection behind.
func (s suite) leaveThings(t *testing.T, last broker.Lease) broker.Lease {
	n := last.Nodes()[0]
	put(t, n, "sourcetest.left", nil, "left behind")
	if s.source.Has(broker.Management) {
		client, err := management.New(n.Info().Management)
		require.NoError(t, err)
		require.NoError(t, client.PutVHost(deadline(t), "left"))
		require.NoError(t, client.PutUser(deadline(t), "left", management.User{Password: "left"}))
	}
	require.NoError(t, last.Release())
	require.ErrorIs(t, n.Kill(deadline(t)), broker.ErrClosed, "a lease that ended gives no rights")

	next := s.again(t)
	n = next.Nodes()[0]
	_, ch := open(t, n)
	_, err := ch.QueueDeclarePassive("sourcetest.left", true, false, false, false, nil)
	var missing *amqp.Error
	require.ErrorAs(t, err, &missing)
	require.Equal(t, amqp.NotFound, missing.Code)
	if s.source.Has(broker.Management) {
		client, err := management.New(n.Info().Management)
		require.NoError(t, err)
		vhosts, err := client.VHosts(deadline(t))
		require.NoError(t, err)
		require.Len(t, vhosts, 1)
		users, err := client.Users(deadline(t))
		require.NoError(t, err)
		require.Equal(t, []management.NamedThing{{Name: "guest"}}, users)
	}
	return next
}

func (s suite) leavePaused(t *testing.T, last broker.Lease) broker.Lease {
	require.NoError(t, last.Nodes()[0].Pause(deadline(t)))
	require.NoError(t, last.Release())
	next := s.again(t)
	open(t, next.Nodes()[0])
	return next
}

func (s suite) leaveDead(t *testing.T, last broker.Lease) {
	require.NoError(t, last.Nodes()[0].Kill(deadline(t)))
	require.NoError(t, last.Release())
	next := s.again(t)
	open(t, next.Nodes()[0])
	require.NoError(t, next.Release())
}

// again leases an own node for the tests that follow, too.
func (s suite) again(t *testing.T) broker.Lease {
	t.Helper()
	lease, err := s.source.Lease(deadline(t), broker.Request{Kind: broker.Own, For: t.Name()})
	require.NoError(t, err)
	return lease
}

// requireRefused wants that nobody listens on the node's AMQP port.
func requireRefused(t *testing.T, n broker.Node) {
	t.Helper()
	conn, err := net.Dial("tcp", host(t, n.Info().AMQP))
	if err == nil {
		conn.Close()
	}
	require.Error(t, err, "a dead node's port takes connections")
}

func host(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Host
}
