package node

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"warren.example/workshop/broker"
)

// A start is a start of the shared broker, under way or over.
type start struct {
	done  chan struct{} // closed when it is over
	group Group
	err   error

	mu sync.Mutex // held while somebody looks after the nodes
}

// revive starts nodes again that have died: a shared broker lives for days, and somebody may have killed it by mistake.
func (s *start) revive(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.group.Nodes() {
		if listens(ctx, n.Info().AMQP) == nil {
			continue
		}
		if err := n.Start(ctx); err != nil {
			return fmt.Errorf("the shared broker has died: %w", err)
		}
	}
	return nil
}

// leaseShared waits for the shared broker and starts it if nobody has. The start is the pool's, not the caller's: when the
// one who asked first gives up, the others still get the broker.
func (p *Pool) leaseShared(ctx context.Context) (*lease, error) {
	s := p.startShared()
	select {
	case <-s.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.err != nil {
		return nil, s.err
	}
	if err := s.revive(ctx); err != nil {
		return nil, err
	}
	l := &lease{pool: p}
	for _, n := range s.group.Nodes() {
		l.nodes = append(l.nodes, broker.Unbreakable{Address: n.Info(), Source: p.sharedName()})
	}
	return l, nil
}

func (p *Pool) startShared() *start {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shared != nil {
		return p.shared
	}
	s := &start{done: make(chan struct{})}
	p.shared = s
	p.work.Go(func() {
		defer close(s.done)
		s.group, s.err = p.cfg.Driver.Start(p.lifetime, Spec{
			Name:     "rabbit",
			Dir:      filepath.Join(p.folder.path, "shared"),
			Nodes:    p.cfg.SharedNodes,
			Ports:    p.cfg.SharedPorts,
			Progress: p.cfg.Progress,
		})
		if s.err != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.shared = nil // the next one who asks tries again
		}
	})
	return s
}

// leaseFrom waits for a place on a shelf, then takes an idle broker of the right size from it or starts one.
func (p *Pool) leaseFrom(ctx context.Context, from *shelf, count int) (*lease, error) {
	if err := from.enter(ctx, p.lifetime); err != nil {
		return nil, err
	}
	group, err := from.take(ctx, count)
	if group == nil && err == nil {
		group, err = p.start(ctx, count)
	}
	if err != nil {
		from.leave()
		return nil, err
	}
	return newLease(p, from, group), nil
}

// start starts a broker for one lessee. It ends early with ctx, and when the pool is closed.
func (p *Pool) start(ctx context.Context, count int) (Group, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.lifetime, func() { cancel(context.Cause(p.lifetime)) })()

	p.mu.Lock()
	p.serial++
	name := fmt.Sprintf("own%d", p.serial)
	if count > 1 {
		name = fmt.Sprintf("cluster%d", p.serial)
	}
	p.mu.Unlock()
	return p.cfg.Driver.Start(ctx, Spec{
		Name:     name,
		Dir:      filepath.Join(p.folder.path, name),
		Nodes:    count,
		Progress: p.cfg.Progress,
	})
}
