package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"warren.example/workshop/broker"
	"warren.example/workshop/port"
	"warren.example/workshop/scratch"
)

// PoolConfig says what a pool may start. The zero value of each field but Driver is useful.
type PoolConfig struct {
	Driver      Driver
	Dir         string       // folder for data and logs; "": the folder nodes in the scratch folder
	SharedNodes int          // nodes of the shared broker; 0 means 1
	SharedPorts port.Set     // wanted ports of its first node, such as port.Usual; zero ones: any that are free
	Own         int          // most own nodes leased at once; 0 means 3
	Clusters    int          // most clusters leased at once; 0 means 1
	Progress    func(string) // is told how starts come along, from several goroutines; nil: nobody listens

	// Reset makes a broker as it was after its first start; nil means ResetBroker. When it fails, the broker is thrown away.
	Reset func(ctx context.Context, nodes []broker.Info) error
}

func (c *PoolConfig) setDefaults() error {
	if c.Dir == "" {
		scratchDir, err := scratch.Dir()
		if err != nil {
			return err
		}
		c.Dir = filepath.Join(scratchDir, "nodes")
	}
	c.SharedNodes = max(c.SharedNodes, 1)
	if c.Own == 0 {
		c.Own = 3
	}
	if c.Clusters == 0 {
		c.Clusters = 1
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if c.Reset == nil {
		c.Reset = ResetBroker
	}
	return nil
}

// A Pool is a broker.Source over a driver. It starts the shared broker when it is first asked for it, and keeps it. Own
// nodes and clusters are started when they are asked for and none is idle. One that comes back and still runs is reset
// and kept for the next; one that was left dead, or does not reset, is thrown away.
type Pool struct {
	cfg     PoolConfig
	version string
	folder  *folder
	own     *shelf
	cluster *shelf

	lifetime context.Context // ends when the pool is closed
	end      context.CancelCauseFunc
	work     sync.WaitGroup // leases being asked for, the start of the shared broker, brokers on their way back

	mu     sync.Mutex // guards all below
	shared *start     // nil: not asked for yet, or failed
	leases map[*lease]struct{}
	serial int // makes the names of groups differ
	closed bool
}

var _ broker.Source = (*Pool)(nil)

// NewPool returns a pool that has started nothing yet. The driver stays the caller's to close, after the pool.
func NewPool(ctx context.Context, cfg PoolConfig) (*Pool, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	version, err := cfg.Driver.Version(ctx)
	if err != nil {
		return nil, err
	}
	folder, err := newFolder(cfg.Dir)
	if err != nil {
		return nil, err
	}
	p := &Pool{
		cfg:     cfg,
		version: version,
		folder:  folder,
		own:     newShelf(cfg.Own),
		cluster: newShelf(cfg.Clusters),
		leases:  make(map[*lease]struct{}),
	}
	p.lifetime, p.end = context.WithCancelCause(context.WithoutCancel(ctx))
	return p, nil
}

// Name names product, version and driver: "RabbitMQ 3.10.8 (native)".
func (p *Pool) Name() string { return fmt.Sprintf("RabbitMQ %s (%s)", p.version, p.cfg.Driver.Name()) }

// Version is the server's version.
func (p *Pool) Version() string { return p.version }

// Has reports what the driver's nodes can do.
func (p *Pool) Has(a broker.Ability) bool { return p.cfg.Driver.Has(a) }

// Lease leases a broker: see broker.Source. Those who wait for an own node are served in the order in which they came; so
// are those who wait for a cluster.
func (p *Pool) Lease(ctx context.Context, r broker.Request) (broker.Lease, error) {
	if err := p.refuse(r); err != nil {
		return nil, err
	}
	if !p.enter() {
		return nil, broker.ErrClosed
	}
	defer p.work.Done()
	var l *lease
	var err error
	switch r.Kind {
	case broker.Shared:
		l, err = p.leaseShared(ctx)
	case broker.Own:
		l, err = p.leaseFrom(ctx, p.own, 1)
	case broker.Cluster:
		count := r.Nodes
		if count == 0 {
			count = 3
		}
		l, err = p.leaseFrom(ctx, p.cluster, count)
	default:
		err = fmt.Errorf("unknown kind %d", r.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("lease a broker (%s): %w", r.Kind, err)
	}
	if !p.keep(l) {
		return nil, errors.Join(broker.ErrClosed, l.Release())
	}
	return l, nil
}

// refuse returns an error for what can never be granted.
func (p *Pool) refuse(r broker.Request) error {
	for _, need := range r.Required() {
		if !p.Has(need) {
			return &broker.UnsupportedError{Ability: need, Source: p.Name()}
		}
		if r.Kind != broker.Shared {
			continue
		}
		switch need {
		case broker.Breakable, broker.Alarms, broker.Clock:
			return &broker.UnsupportedError{Ability: need, Source: p.sharedName()}
		case broker.Clustered:
			if p.cfg.SharedNodes == 1 {
				return &broker.UnsupportedError{Ability: need, Source: p.sharedName()}
			}
		}
	}
	return nil
}

func (p *Pool) sharedName() string { return "the shared broker of " + p.Name() }

// enter lets Close wait for a caller. It reports false when the pool is closed already.
func (p *Pool) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.work.Add(1)
	return true
}

// keep remembers a lease for Close. It reports false when the pool is closed already.
func (p *Pool) keep(l *lease) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.leases[l] = struct{}{}
	return true
}

// forget forgets a lease that ends. From now on Close waits until p.work.Done was called for it: both happen in one step,
// so that Close either ends the lease itself or waits.
func (p *Pool) forget(l *lease) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.leases, l)
	p.work.Add(1)
}

// Close ends all leases, all nodes, and what is being started.
func (p *Pool) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	leases := p.leases
	p.leases = nil
	p.mu.Unlock()

	p.end(broker.ErrClosed)
	var failures []error
	for l := range leases {
		failures = append(failures, l.Release())
	}
	p.work.Wait()
	failures = append(failures, p.own.close(), p.cluster.close())
	if p.shared != nil && p.shared.group != nil { // nobody changes it any more
		failures = append(failures, p.shared.group.Close())
	}
	return errors.Join(append(failures, p.folder.remove())...)
}
