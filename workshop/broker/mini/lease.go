package mini

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"warren.example/workshop/broker"
	"warren.example/workshop/minirabbit"
	"warren.example/workshop/port"
)

// A sharedLease is the right to use the broker that is everybody's.
type sharedLease struct{ node broker.Unbreakable }

// Nodes returns the one node.
func (l sharedLease) Nodes() []broker.Node { return []broker.Node{l.node} }

// Release does nothing: the broker lives on.
func (l sharedLease) Release() error { return nil }

// An ownLease is a minirabbit, or a cluster of them, that nobody else uses. It is thrown away afterwards: a new one costs next
// to nothing.
type ownLease struct {
	source *Source
	nodes  []*ownNode
}

// leaseOwn starts a broker. The source's lock is held.
func (s *Source) leaseOwn(kind broker.Kind, nodes int) (broker.Lease, error) {
	servers, err := s.start(nodes, port.Set{})
	if err != nil {
		return nil, fmt.Errorf("lease a broker (%s): %w", kind, err)
	}
	l := &ownLease{source: s}
	for _, server := range servers {
		l.nodes = append(l.nodes, &ownNode{server: server, info: s.info(server)})
	}
	s.leases[l] = struct{}{}
	return l, nil
}

// Nodes returns the nodes.
func (l *ownLease) Nodes() []broker.Node {
	var all []broker.Node
	for _, n := range l.nodes {
		all = append(all, n)
	}
	return all
}

// Release ends the broker, whatever the state of its nodes.
func (l *ownLease) Release() error {
	l.source.mu.Lock()
	delete(l.source.leases, l)
	l.source.mu.Unlock()
	var failures []error
	for _, n := range l.nodes {
		failures = append(failures, n.close())
	}
	return errors.Join(failures...)
}

// An ownNode is a minirabbit that may be broken.
type ownNode struct {
	server *minirabbit.Server
	info   broker.Info

	mu     sync.Mutex // held while the node is changed; guards what follows
	dead   bool
	paused bool
	closed bool
}

// Info returns the node's addresses.
func (n *ownNode) Info() broker.Info { return n.info }

// change runs one change of the node, unless the lease has ended.
func (n *ownNode) change(ctx context.Context, do func() error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return broker.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return do()
}

// Kill cuts all connections without a word. What the broker would have on its disk stays.
func (n *ownNode) Kill(ctx context.Context) error {
	return n.change(ctx, func() error { return n.end(n.server.Kill) })
}

// Stop tells clients that the broker ends, and ends it.
func (n *ownNode) Stop(ctx context.Context) error {
	return n.change(ctx, func() error { return n.end(n.server.Stop) })
}

func (n *ownNode) end(how func()) error {
	if !n.dead {
		n.dead, n.paused = true, false
		how()
	}
	return nil
}

// Start serves again on the same ports.
func (n *ownNode) Start(ctx context.Context) error {
	return n.change(ctx, func() error {
		if !n.dead {
			return nil
		}
		err := n.server.Restart()
		n.dead = err != nil
		return err
	})
}

// Pause stops the broker's reading and writing. A dead node can't be paused.
func (n *ownNode) Pause(ctx context.Context) error {
	return n.change(ctx, func() error {
		if n.dead {
			return fmt.Errorf("pause %s: it is dead", n.info.Name)
		}
		n.paused = true
		n.server.Pause()
		return nil
	})
}

// Resume ends a pause.
func (n *ownNode) Resume(ctx context.Context) error {
	return n.change(ctx, func() error {
		if n.paused {
			n.paused = false
			n.server.Resume()
		}
		return nil
	})
}

// Alarm raises or clears the memory alarm.
func (n *ownNode) Alarm(ctx context.Context, on bool) error {
	return n.change(ctx, func() error {
		if n.dead {
			return fmt.Errorf("alarm on %s: it is dead", n.info.Name)
		}
		n.server.SetAlarm(on)
		return nil
	})
}

// Advance puts the node's clock forward. All that falls due meanwhile has happened when it returns.
func (n *ownNode) Advance(ctx context.Context, d time.Duration) error {
	return n.change(ctx, func() error {
		n.server.Advance(d)
		return nil
	})
}

func (n *ownNode) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	n.closed = true
	return n.server.Close()
}
