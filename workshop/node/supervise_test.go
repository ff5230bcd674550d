package node_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/node"
	"warren.example/workshop/scratch"
)

// supervise serves a pool over a fake driver until the end of the test. These tests don't run in parallel: they set the
// environment.
func supervise(t *testing.T, cfg node.PoolConfig) (*fakeDriver, <-chan error) {
	t.Helper()
	t.Setenv(scratch.EnvDir, t.TempDir())
	driver := &fakeDriver{}
	cfg.Driver = driver
	pool := newPool(t, cfg)
	ctx, end := context.WithCancel(t.Context())
	t.Cleanup(end)
	ready, ended := make(chan broker.State, 1), make(chan error, 1)
	go func() {
		ended <- node.Supervise(ctx, node.Config{Source: pool, Ready: func(s broker.State) { ready <- s }})
	}()
	select {
	case <-ready:
	case err := <-ended:
		require.NoError(t, err, "ended before it was ready")
	case <-time.After(patience):
		require.Fail(t, "the supervisor is not ready")
	}
	return driver, ended
}

// connect returns what another process would see, until the end of the test.
func connect(t *testing.T) *broker.Remote {
	t.Helper()
	remote, err := broker.Up(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remote.Close()) })
	return remote
}

// requireEnd wants a supervisor to have ended well, with everything that it had.
func requireEnd(t *testing.T, driver *fakeDriver, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(patience):
		require.Fail(t, "the supervisor has not ended")
	}
	for _, g := range driver.groups() {
		require.True(t, g.isClosed())
	}
	_, err := broker.ReadState()
	require.ErrorIs(t, err, broker.ErrNone)
}

// requireLeases waits until the supervisor knows that many leases, and returns them.
func requireLeases(t *testing.T, want int) []broker.LeaseStatus {
	t.Helper()
	var leases []broker.LeaseStatus
	require.Eventually(t, func() bool {
		status, err := node.Status(t.Context())
		leases = status.Leases
		return err == nil && len(leases) == want
	}, patience, pollEvery)
	return leases
}

func TestTheStateFileIsForTheOwnerOnly(t *testing.T) {
	driver, ended := supervise(t, node.PoolConfig{})
	file, err := broker.StateFile()
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	state, err := broker.ReadState()
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), state.PID)
	require.Equal(t, "RabbitMQ 9.9.9 (fake)", state.Source)
	require.Equal(t, driver.groups()[0].nodes[0].Info().AMQP, state.AMQP)

	response, err := http.Get("http://" + state.Address + "/status")
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)

	require.NoError(t, node.Stop(t.Context()))
	requireEnd(t, driver, ended)
}

func TestStatusTellsWhoHasWhat(t *testing.T) {
	supervise(t, node.PoolConfig{Own: 1})
	remote := connect(t)
	mine := lease(t, remote, broker.Request{Kind: broker.Own, For: "TestMine"})
	ctx, giveUp := context.WithCancel(t.Context())
	waiting := make(chan error, 1)
	go func() {
		_, err := remote.Lease(ctx, broker.Request{Kind: broker.Own, For: "TestYours"})
		waiting <- err
	}()
	leases := requireLeases(t, 2)
	require.Equal(t, "TestMine", leases[0].For)
	require.Equal(t, broker.Own, leases[0].Kind)
	require.Equal(t, mine.Nodes()[0].Info(), leases[0].Nodes[0])
	require.False(t, leases[0].Waiting)
	require.Equal(t, "TestYours", leases[1].For)
	require.True(t, leases[1].Waiting)

	giveUp()
	require.ErrorIs(t, <-waiting, context.Canceled)
	requireLeases(t, 1)
	require.NoError(t, mine.Release())
	requireLeases(t, 0)

	status, err := remote.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, "9.9.9", status.Version)
	require.Equal(t, []broker.Ability{broker.Breakable, broker.Clustered}, status.Abilities)
	require.Len(t, status.Nodes, 1)
	require.Equal(t, os.Getpid(), status.PID)
}

func TestActionsReachTheNode(t *testing.T) {
	driver, _ := supervise(t, node.PoolConfig{})
	l := lease(t, connect(t), cluster)
	n, ctx := l.Nodes()[1], t.Context()
	require.NoError(t, n.Pause(ctx))
	require.NoError(t, n.Resume(ctx))
	require.NoError(t, n.Alarm(ctx, true))
	require.NoError(t, n.Alarm(ctx, false))
	require.NoError(t, n.Stop(ctx))
	require.NoError(t, n.Kill(ctx))
	var refusal *broker.UnsupportedError
	require.ErrorAs(t, n.Advance(ctx, time.Hour), &refusal)
	require.Equal(t, broker.UnsupportedError{Ability: broker.Clock, Source: "a fake"}, *refusal)
	want := []string{"pause", "resume", "alarm on", "alarm off", "stop", "kill"}
	require.Equal(t, want, driver.groups()[1].nodes[1].notes())
	require.Empty(t, driver.groups()[1].nodes[0].notes())

	ctx, giveUp := context.WithCancel(ctx)
	started := make(chan error, 1)
	go func() { started <- n.Start(ctx) }() // never succeeds
	giveUp()
	require.ErrorIs(t, <-started, context.Canceled)
	require.NoError(t, l.Release())
	require.ErrorIs(t, n.Kill(t.Context()), broker.ErrClosed)
}

func TestClosingTheRemoteEndsItsLeasesOnly(t *testing.T) {
	supervise(t, node.PoolConfig{})
	one, two := connect(t), connect(t)
	lease(t, one, own)
	lease(t, one, broker.Request{})
	lease(t, two, broker.Request{Kind: broker.Own, For: "two"})
	requireLeases(t, 3)
	require.NoError(t, one.Close())
	require.NoError(t, one.Close())
	require.Equal(t, "two", requireLeases(t, 1)[0].For)
	_, err := one.Lease(t.Context(), own)
	require.ErrorIs(t, err, broker.ErrClosed)
	requireLeases(t, 1)
}

func TestAKilledClientLosesItsLeases(t *testing.T) {
	driver, _ := supervise(t, node.PoolConfig{})
	client := startClient(t)
	leases := requireLeases(t, 2)
	require.NoError(t, client.Process.Kill())
	_ = client.Wait()
	requireLeases(t, 0)
	lease(t, connect(t), own)
	require.Len(t, driver.groups(), 2, "the dead client's node is used again")
	require.Len(t, leases, 2)
}

func TestTwoSupervisorsDoNotGoTogether(t *testing.T) {
	supervise(t, node.PoolConfig{})
	second := newPool(t, node.PoolConfig{Driver: &fakeDriver{}})
	require.ErrorIs(t, node.Supervise(t.Context(), node.Config{Source: second}), node.ErrRunning)
	connect(t) // the first goes on
}

func TestStopReturnsWhenAllHasEnded(t *testing.T) {
	driver, ended := supervise(t, node.PoolConfig{})
	l := lease(t, connect(t), own)
	require.NoError(t, node.Stop(t.Context()))
	for _, g := range driver.groups() {
		require.True(t, g.isClosed())
	}
	requireEnd(t, driver, ended)
	require.Error(t, l.Nodes()[0].Kill(t.Context()))
	require.ErrorIs(t, node.Stop(t.Context()), broker.ErrNone)
	_, err := node.Status(t.Context())
	require.ErrorIs(t, err, broker.ErrNone)
}

func TestASupervisorEndsWithItsStateFile(t *testing.T) {
	driver, ended := supervise(t, node.PoolConfig{})
	file, err := broker.StateFile()
	require.NoError(t, err)
	require.NoError(t, os.Remove(file))
	requireEnd(t, driver, ended)
}

func TestASupervisorWhoseSharedBrokerFailsLeavesNothing(t *testing.T) {
	t.Setenv(scratch.EnvDir, t.TempDir())
	boom := errors.New("boom")
	pool := newPool(t, node.PoolConfig{Driver: &fakeDriver{fail: boom}})
	require.ErrorIs(t, node.Supervise(t.Context(), node.Config{Source: pool}), boom)
	_, err := broker.Up(t.Context())
	require.ErrorIs(t, err, broker.ErrNone)
}
