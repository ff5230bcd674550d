package node_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"warren.example/workshop/broker"
	"warren.example/workshop/node"
	"warren.example/workshop/port"
	"warren.example/workshop/scratch"
)

var (
	own     = broker.Request{Kind: broker.Own}
	cluster = broker.Request{Kind: broker.Cluster}
)

func TestManyWhoAskForTheSharedBrokerGetOne(t *testing.T) {
	t.Parallel()
	driver := &fakeDriver{}
	pool := newPool(t, node.PoolConfig{Driver: driver, SharedPorts: port.Usual, SharedNodes: 2})
	var all errgroup.Group
	for range 20 {
		all.Go(func() error {
			_, err := pool.Lease(t.Context(), broker.Request{})
			return err
		})
	}
	require.NoError(t, all.Wait())
	require.Len(t, driver.groups(), 1)
	require.Equal(t, port.Usual, driver.groups()[0].spec.Ports)
	require.Equal(t, 2, driver.groups()[0].spec.Nodes)
}

func TestTheSharedBrokerStartsEvenIfTheFirstGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		driver := &fakeDriver{hold: make(chan struct{})}
		pool := newPool(t, node.PoolConfig{Driver: driver})
		ctx, giveUp := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() {
			_, err := pool.Lease(ctx, broker.Request{})
			first <- err
		}()
		synctest.Wait() // the start is under way
		giveUp()
		require.ErrorIs(t, <-first, context.Canceled)
		close(driver.hold)
		lease(t, pool, broker.Request{})
		require.Len(t, driver.groups(), 1)
		require.NoError(t, pool.Close())
	})
}

func TestAFailedStartIsTriedAgainByTheNext(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	driver := &fakeDriver{fail: boom}
	pool := newPool(t, node.PoolConfig{Driver: driver, Own: 1})
	for _, r := range []broker.Request{{}, own} {
		_, err := pool.Lease(t.Context(), r)
		require.ErrorIs(t, err, boom)
	}
	driver.set(func(d *fakeDriver) { d.fail = nil })
	lease(t, pool, broker.Request{})
	lease(t, pool, own) // the failed one gave its place back
}

func TestASharedBrokerThatDiedIsStartedAgain(t *testing.T) {
	t.Parallel()
	driver := &fakeDriver{}
	pool := newPool(t, node.PoolConfig{Driver: driver})
	before := lease(t, pool, broker.Request{}).Nodes()[0].Info()
	n := driver.groups()[0].nodes[0]
	require.Empty(t, n.notes())
	require.NoError(t, n.listener.Close())
	require.Equal(t, before, lease(t, pool, broker.Request{}).Nodes()[0].Info())
	require.Equal(t, []string{"start"}, n.notes())
}

func TestThoseWhoWaitAreServedInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		driver := &fakeDriver{}
		pool := newPool(t, node.PoolConfig{Driver: driver, Own: 2})
		held := []broker.Lease{lease(t, pool, own), lease(t, pool, own)}
		served := make(chan int, 3)
		for i := range 3 {
			go func() {
				l, err := pool.Lease(t.Context(), own)
				if err == nil {
					served <- i
					err = l.Release()
				}
				if err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait() // i waits, behind those before it
		}
		require.Empty(t, served)
		require.NoError(t, held[1].Release())
		require.Equal(t, []int{0, 1, 2}, []int{<-served, <-served, <-served})
		require.Len(t, driver.groups(), 2, "nodes are used again")
		require.NoError(t, pool.Close())
	})
}

func TestWhoGivesUpWaitingLeavesTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool := newPool(t, node.PoolConfig{Driver: &fakeDriver{}, Own: 1})
		held := lease(t, pool, own)
		ctx, giveUp := context.WithCancel(t.Context())
		waiting := make(chan error, 1)
		go func() {
			_, err := pool.Lease(ctx, own)
			waiting <- err
		}()
		synctest.Wait()
		giveUp()
		require.ErrorIs(t, <-waiting, context.Canceled)
		require.NoError(t, held.Release())
		lease(t, pool, own)
		require.NoError(t, pool.Close())
	})
}

func TestABrokerIsResetBeforeTheNextGetsIt(t *testing.T) {
	t.Parallel()
	driver := &fakeDriver{}
	resets := 0
	pool := newPool(t, node.PoolConfig{Driver: driver, Own: 1, Reset: func(context.Context, []broker.Info) error {
		resets++ // by one goroutine at a time: there is one place
		return nil
	}})
	l := lease(t, pool, own)
	require.NoError(t, l.Nodes()[0].Pause(t.Context()))
	require.NoError(t, l.Nodes()[0].Alarm(t.Context(), true))
	require.NoError(t, l.Release())
	require.NoError(t, l.Release())
	lease(t, pool, own)
	require.Equal(t, 1, resets)
	require.Len(t, driver.groups(), 1)
	require.Equal(t, []string{"pause", "alarm on", "resume", "alarm off"}, driver.groups()[0].nodes[0].notes())
}

func TestABrokerThatDoesNotResetIsReplaced(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*testing.T, *fakeGroup, broker.Node){
		"LeftDead":    func(t *testing.T, _ *fakeGroup, n broker.Node) { require.NoError(t, n.Kill(t.Context())) },
		"LeftStopped": func(t *testing.T, _ *fakeGroup, n broker.Node) { require.NoError(t, n.Stop(t.Context())) },
		"Broken":      func(_ *testing.T, g *fakeGroup, _ broker.Node) { g.nodes[0].listener.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := &fakeDriver{}
			pool := newPool(t, node.PoolConfig{Driver: driver, Own: 1})
			l := lease(t, pool, own)
			leave(t, driver.groups()[0], l.Nodes()[0])
			require.NoError(t, l.Release())
			lease(t, pool, own)
			require.Len(t, driver.groups(), 2)
			require.True(t, driver.groups()[0].isClosed())
		})
	}
	t.Run("ResetFails", func(t *testing.T) {
		t.Parallel()
		driver := &fakeDriver{}
		pool := newPool(t, node.PoolConfig{Driver: driver, Own: 1, Reset: func(context.Context, []broker.Info) error {
			return errors.New("no answer")
		}})
		require.NoError(t, lease(t, pool, own).Release())
		lease(t, pool, own)
		require.Len(t, driver.groups(), 2)
		require.True(t, driver.groups()[0].isClosed())
	})
}

func TestAnIdleClusterOfAnotherSizeMakesRoom(t *testing.T) {
	t.Parallel()
	driver := &fakeDriver{}
	pool := newPool(t, node.PoolConfig{Driver: driver})
	three := lease(t, pool, cluster)
	require.Len(t, three.Nodes(), 3)
	require.NoError(t, three.Release())
	five := lease(t, pool, broker.Request{Kind: broker.Cluster, Nodes: 5})
	require.Len(t, five.Nodes(), 5)
	require.True(t, driver.groups()[0].isClosed())
}

func TestTheEndOfALeaseEndsWhatItsNodesDo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool := newPool(t, node.PoolConfig{Driver: &fakeDriver{}})
		l := lease(t, pool, own)
		n := l.Nodes()[0]
		started := make(chan error, 1)
		go func() { started <- n.Start(context.WithoutCancel(t.Context())) }()
		synctest.Wait() // the fake is starting, for ever
		require.NoError(t, l.Release())
		require.ErrorIs(t, <-started, broker.ErrClosed)
		require.ErrorIs(t, n.Kill(t.Context()), broker.ErrClosed)
		require.NotEmpty(t, n.Info().AMQP)
		require.NoError(t, pool.Close())
	})
}

func TestWhatASharedBrokerCanNotDoIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	driver := &fakeDriver{}
	pool := newPool(t, node.PoolConfig{Driver: driver})
	for _, need := range []broker.Ability{broker.Breakable, broker.Clustered, broker.Clock} {
		_, err := pool.Lease(t.Context(), broker.Request{Needs: []broker.Ability{need}})
		var refusal *broker.UnsupportedError
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, need, refusal.Ability)
	}
	require.Empty(t, driver.groups())
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		driver := &fakeDriver{}
		dir := t.TempDir()
		pool, err := node.NewPool(t.Context(), node.PoolConfig{Driver: driver, Dir: dir, Own: 1})
		require.NoError(t, err)
		lease(t, pool, broker.Request{})
		held := lease(t, pool, own)
		driver.set(func(d *fakeDriver) { d.hold = make(chan struct{}) })
		failures := make(chan error, 2)
		for _, r := range []broker.Request{own, cluster} { // one waits for a place, one for its start
			go func() {
				_, err := pool.Lease(t.Context(), r)
				failures <- err
			}()
		}
		synctest.Wait()
		require.NoError(t, pool.Close())
		require.NoError(t, pool.Close())
		require.ErrorIs(t, <-failures, broker.ErrClosed)
		require.ErrorIs(t, <-failures, broker.ErrClosed)
		require.ErrorIs(t, held.Nodes()[0].Kill(t.Context()), broker.ErrClosed)
		require.NoError(t, held.Release())
		_, err = pool.Lease(t.Context(), broker.Request{})
		require.ErrorIs(t, err, broker.ErrClosed)
		for _, g := range driver.groups() {
			require.True(t, g.isClosed())
		}
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
	})
}

func TestAPoolDeletesWhatAKilledOneLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"dead", "alive"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name, "shared"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".lock"), nil, 0o644))
	}
	held, err := scratch.Lock(filepath.Join(dir, "alive.lock"))
	require.NoError(t, err)
	defer held.Unlock()
	pool, err := node.NewPool(t.Context(), node.PoolConfig{Driver: &fakeDriver{}, Dir: dir})
	require.NoError(t, err)
	require.NoError(t, pool.Close())
	require.NoDirExists(t, filepath.Join(dir, "dead"))
	require.DirExists(t, filepath.Join(dir, "alive"))
}
