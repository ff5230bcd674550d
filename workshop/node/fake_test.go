package node_test

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/node"
)

// fakeDriver starts groups that do nothing but listen.
type fakeDriver struct {
	mu      sync.Mutex // guards all below
	started []*fakeGroup
	fail    error         // what Start returns, if not nil
	hold    chan struct{} // Start waits for it, if not nil
}

func (d *fakeDriver) Name() string                            { return "fake" }
func (d *fakeDriver) Version(context.Context) (string, error) { return "9.9.9", nil }
func (d *fakeDriver) Has(a broker.Ability) bool {
	return a == broker.Breakable || a == broker.Clustered
}
func (d *fakeDriver) Close() error { return nil }

func (d *fakeDriver) Start(ctx context.Context, s node.Spec) (node.Group, error) {
	d.mu.Lock()
	hold, fail := d.hold, d.fail
	d.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if fail != nil {
		return nil, fail
	}
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		return nil, err
	}
	g := &fakeGroup{spec: s}
	for range max(s.Nodes, 1) {
		// Nobody accepts: the kernel completes connections by itself.
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		g.nodes = append(g.nodes, &fakeNode{listener: listener})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.started = append(d.started, g)
	return g, nil
}

// groups returns what was started.
func (d *fakeDriver) groups() []*fakeGroup {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*fakeGroup(nil), d.started...)
}

// set changes what the next starts do.
func (d *fakeDriver) set(change func(d *fakeDriver)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

type fakeGroup struct {
	spec  node.Spec
	nodes []*fakeNode
}

func (g *fakeGroup) Nodes() []broker.Node {
	var nodes []broker.Node
	for _, n := range g.nodes {
		nodes = append(nodes, n)
	}
	return nodes
}

func (g *fakeGroup) Close() error {
	for _, n := range g.nodes {
		n.listener.Close()
	}
	return os.RemoveAll(g.spec.Dir)
}

// isClosed reports whether the group was closed.
func (g *fakeGroup) isClosed() bool {
	_, err := os.Stat(g.spec.Dir)
	return errors.Is(err, os.ErrNotExist)
}

// A fakeNode notes what is done to it.
type fakeNode struct {
	listener net.Listener

	mu   sync.Mutex // guards done
	done []string
}

func (n *fakeNode) Info() broker.Info {
	return broker.Info{Name: "fake", AMQP: "amqp://" + n.listener.Addr().String() + "/", Version: "9.9.9"}
}

func (n *fakeNode) note(what string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done = append(n.done, what)
	return nil
}

func (n *fakeNode) notes() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.done...)
}

func (n *fakeNode) Kill(context.Context) error   { return n.note("kill") }
func (n *fakeNode) Stop(context.Context) error   { return n.note("stop") }
func (n *fakeNode) Pause(context.Context) error  { return n.note("pause") }
func (n *fakeNode) Resume(context.Context) error { return n.note("resume") }

// Start succeeds when the node is dead. Else it waits for the end of its context.
func (n *fakeNode) Start(ctx context.Context) error {
	_ = n.note("start")
	listener, err := net.Listen("tcp", n.listener.Addr().String())
	if err != nil {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	n.listener = listener
	return nil
}

func (n *fakeNode) Alarm(_ context.Context, on bool) error {
	if on {
		return n.note("alarm on")
	}
	return n.note("alarm off")
}

func (n *fakeNode) Advance(context.Context, time.Duration) error {
	return &broker.UnsupportedError{Ability: broker.Clock, Source: "a fake"}
}

// newPool returns a pool over a driver until the end of the test. Resetting does nothing unless cfg says otherwise.
func newPool(t *testing.T, cfg node.PoolConfig) *node.Pool {
	t.Helper()
	cfg.Dir = t.TempDir()
	if cfg.Reset == nil {
		cfg.Reset = func(context.Context, []broker.Info) error { return nil }
	}
	pool, err := node.NewPool(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return pool
}

// lease leases without ending the lease at the end of the test.
func lease(t *testing.T, source broker.Source, r broker.Request) broker.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	l, err := source.Lease(ctx, r)
	require.NoError(t, err)
	return l
}
