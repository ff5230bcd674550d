// Package mini is a broker.Source of minirabbits: RabbitMQ's behaviour inside the process that asks, for tests and first
// steps where no RabbitMQ is. It needs no Docker, no installation and no second process.
package mini

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"warren.example/workshop/broker"
	"warren.example/workshop/minirabbit"
	"warren.example/workshop/port"
)

// Options say which RabbitMQ is imitated, and how. The zero value is useful.
type Options struct {
	Version string // "3.10", "4.0" or "4.3"; "" means "4.0"
	// Hostility, if not zero, is the seed of a broker that is as unpleasant as the rules allow: confirms come late, out of
	// order and many at once, bodies in small frames, deliveries while a consumer is being cancelled.
	Hostility int64
	// Ports are the wanted ports of the shared broker, such as port.Usual; one that is 0 or in use is replaced by a free
	// one. Only AMQP and Management count.
	Ports port.Set
}

// A Source starts minirabbits in this process: one that all Shared leases use, when it is first asked for, and a fresh one for
// each Own lease, and for each Cluster: see minirabbit.StartCluster. All end with Close, and with the process.
type Source struct {
	options   Options
	name      string
	version   string
	allocator port.Allocator

	mu     sync.Mutex // guards what follows; held while the shared broker starts
	shared *minirabbit.Server
	leases map[*ownLease]struct{}
	closed bool
}

var _ broker.Source = (*Source)(nil)

// New returns a source that has started nothing yet. It fails if nobody imitates that version.
func New(o Options) (*Source, error) {
	version, err := minirabbit.ParseVersion(o.Version)
	if err != nil {
		return nil, err
	}
	s := &Source{options: o, version: version, leases: make(map[*ownLease]struct{})}
	s.name = fmt.Sprintf("minirabbit %s (stand-in)", version)
	if o.Hostility != 0 {
		s.name = fmt.Sprintf("minirabbit %s (stand-in, hostile %d)", version, o.Hostility)
	}
	return s, nil
}

// Name is "minirabbit 4.0.5 (stand-in)", or "minirabbit 4.0.5 (stand-in, hostile 7)".
func (s *Source) Name() string { return s.name }

// Version is that of the RabbitMQ that is imitated: "4.0.5".
func (s *Source) Version() string { return s.version }

// Has reports what a minirabbit can do. There are streams, by AMQP; the stream protocol, which the ability Streams means, is
// missing.
func (s *Source) Has(a broker.Ability) bool {
	switch a {
	case broker.Breakable, broker.Clustered, broker.Alarms, broker.Clock, broker.Management, broker.ConsistentHash:
		return true
	}
	return false
}

// Lease returns a broker at once: see broker.Source.
func (s *Source) Lease(ctx context.Context, r broker.Request) (broker.Lease, error) {
	if err := s.refuse(r); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("lease a broker (%s): %w", r.Kind, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, broker.ErrClosed
	}
	switch r.Kind {
	case broker.Own:
		return s.leaseOwn(r.Kind, 1)
	case broker.Cluster:
		return s.leaseOwn(r.Kind, cmp.Or(r.Nodes, 3))
	}
	if s.shared == nil {
		servers, err := s.start(1, s.options.Ports)
		if err != nil {
			return nil, fmt.Errorf("lease a broker (%s): %w", r.Kind, err)
		}
		s.shared = servers[0]
	}
	return sharedLease{broker.Unbreakable{Address: s.info(s.shared), Source: s.sharedName()}}, nil
}

// refuse returns an error for what can never be granted.
func (s *Source) refuse(r broker.Request) error {
	for _, need := range r.Required() {
		if !s.Has(need) {
			return &broker.UnsupportedError{Ability: need, Source: s.name}
		}
		if r.Kind != broker.Shared {
			continue
		}
		switch need {
		case broker.Breakable, broker.Clustered, broker.Alarms, broker.Clock:
			return &broker.UnsupportedError{Ability: need, Source: s.sharedName()}
		}
	}
	return nil
}

func (s *Source) sharedName() string { return "the shared broker of " + s.name }

// attempts is how often a start looks for ports: another process may take one just before it is used.
const attempts = 5

// start starts a minirabbit, or a cluster of several nodes. The ports lie below those that the kernel gives to clients, so
// that nobody else gets them while a node is dead: see port.Allocator. Wanted are those of the first node.
func (s *Source) start(nodes int, wanted port.Set) ([]*minirabbit.Server, error) {
	var failures []error
	for range attempts {
		options, err := s.places(nodes, wanted)
		if err != nil {
			return nil, err
		}
		var servers []*minirabbit.Server
		if nodes == 1 {
			servers = make([]*minirabbit.Server, 1)
			servers[0], err = minirabbit.Start(options[0]...)
		} else {
			servers, err = minirabbit.StartCluster(nodes, func(i int) []minirabbit.Option { return options[i] })
		}
		if err == nil {
			return servers, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

// places are the options of each node: what is imitated, and where it listens.
func (s *Source) places(nodes int, wanted port.Set) ([][]minirabbit.Option, error) {
	var options [][]minirabbit.Option
	for range nodes {
		var ports port.Set
		var err error
		if ports.AMQP, err = s.allocator.Port(wanted.AMQP); err != nil {
			return nil, err
		}
		if ports.Management, err = s.allocator.Port(wanted.Management); err != nil {
			return nil, err
		}
		options = append(options, []minirabbit.Option{
			minirabbit.WithVersion(s.version),
			minirabbit.WithAddress(loopback(ports.AMQP)),
			minirabbit.WithManagement(loopback(ports.Management)),
			minirabbit.WithHostility(s.options.Hostility),
		})
		wanted = port.Set{}
	}
	return options, nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func (s *Source) info(server *minirabbit.Server) broker.Info {
	return broker.Info{
		Name: server.Node(), Version: s.version, AMQP: server.URL(), Management: server.ManagementURL(),
	}
}

// Close ends all brokers.
func (s *Source) Close() error {
	s.mu.Lock()
	shared, leases := s.shared, s.leases
	s.closed, s.shared, s.leases = true, nil, nil
	s.mu.Unlock()
	var failures []error
	for l := range leases {
		failures = append(failures, l.Release())
	}
	if shared != nil {
		failures = append(failures, shared.Close())
	}
	return errors.Join(failures...)
}
