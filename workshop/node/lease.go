package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"warren.example/workshop/broker"
)

// resetTimeout ends the reset of a broker that does not answer any more.
const resetTimeout = 10 * time.Second

// A lease is one broker in use.
type lease struct {
	pool  *Pool
	nodes []broker.Node
	once  sync.Once

	// Of own brokers and clusters only:
	from     *shelf
	group    Group
	leased   []*leasedNode
	lifetime context.Context // ends when the lease does
	end      context.CancelFunc
}

func newLease(p *Pool, from *shelf, group Group) *lease {
	l := &lease{pool: p, from: from, group: group}
	l.lifetime, l.end = context.WithCancel(context.Background())
	for _, n := range group.Nodes() {
		leased := &leasedNode{node: n, lifetime: l.lifetime}
		l.leased = append(l.leased, leased)
		l.nodes = append(l.nodes, leased)
	}
	return l
}

// Nodes returns the broker's nodes.
func (l *lease) Nodes() []broker.Node { return l.nodes }

// Release gives the broker back. It does not wait until the broker is ready for the next.
func (l *lease) Release() error {
	l.once.Do(func() {
		l.pool.forget(l)
		if l.group == nil { // the shared broker lives on
			l.pool.work.Done()
			return
		}
		l.end()
		l.from.expect()
		go l.giveBack()
	})
	return nil
}

// giveBack puts the broker where the next lessee finds it, or throws it away.
func (l *lease) giveBack() {
	defer l.pool.work.Done()
	group := l.group
	if err := l.restore(); err != nil {
		group = nil
		if err := l.group.Close(); err != nil {
			l.pool.cfg.Progress("close a broker: " + err.Error())
		}
	}
	l.from.arrive(group)
}

// restore makes the broker as new. It fails when that is not possible or not worth it.
func (l *lease) restore() error {
	ctx, cancel := context.WithTimeout(l.pool.lifetime, resetTimeout)
	defer cancel()
	var infos []broker.Info
	for _, n := range l.leased {
		if err := n.restore(ctx); err != nil {
			return err
		}
		infos = append(infos, n.Info())
	}
	return errors.Join(l.pool.cfg.Reset(ctx, infos), ctx.Err())
}

var errLeftDead = errors.New("the node was left dead")

// A leasedNode runs what a lessee asks of a node, one thing after the other, until the lease ends. It remembers what has to
// be undone.
type leasedNode struct {
	node     broker.Node
	lifetime context.Context // of the lease

	mu      sync.Mutex // held while the node is changed; guards all below
	dead    bool
	paused  bool
	alarmed bool
}

// Info returns the node's addresses, also after the lease has ended.
func (n *leasedNode) Info() broker.Info { return n.node.Info() }

func (n *leasedNode) Kill(ctx context.Context) error {
	return n.change(ctx, func(ctx context.Context) error {
		n.dead, n.paused, n.alarmed = true, false, false
		return n.node.Kill(ctx)
	})
}

func (n *leasedNode) Stop(ctx context.Context) error {
	return n.change(ctx, func(ctx context.Context) error {
		n.dead, n.paused, n.alarmed = true, false, false
		return n.node.Stop(ctx)
	})
}

func (n *leasedNode) Start(ctx context.Context) error {
	return n.change(ctx, func(ctx context.Context) error {
		err := n.node.Start(ctx)
		n.dead = err != nil
		return err
	})
}

func (n *leasedNode) Pause(ctx context.Context) error {
	return n.change(ctx, func(ctx context.Context) error {
		n.paused = true
		return n.node.Pause(ctx)
	})
}

func (n *leasedNode) Resume(ctx context.Context) error {
	return n.change(ctx, n.resume)
}

func (n *leasedNode) resume(ctx context.Context) error {
	if !n.paused {
		return nil
	}
	err := n.node.Resume(ctx)
	n.paused = err != nil
	return err
}

func (n *leasedNode) Alarm(ctx context.Context, on bool) error {
	return n.change(ctx, func(ctx context.Context) error {
		n.alarmed = true // also when it fails: it may have been half done
		err := n.node.Alarm(ctx, on)
		n.alarmed = on || err != nil
		return err
	})
}

func (n *leasedNode) Advance(ctx context.Context, d time.Duration) error {
	return n.change(ctx, func(ctx context.Context) error { return n.node.Advance(ctx, d) })
}

// change runs one change. It is given up when the lease ends.
func (n *leasedNode) change(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(n.lifetime, func() { cancel(broker.ErrClosed) })()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lifetime.Err() != nil {
		return broker.ErrClosed
	}
	return do(ctx)
}

// restore undoes pause and alarm.
func (n *leasedNode) restore(ctx context.Context) error {
	n.mu.Lock() // a change that is under way ends soon: the lease has ended
	defer n.mu.Unlock()
	if n.dead {
		return errLeftDead
	}
	if err := n.resume(ctx); err != nil {
		return err
	}
	if !n.alarmed {
		return nil
	}
	n.alarmed = false
	return n.node.Alarm(ctx, false)
}
