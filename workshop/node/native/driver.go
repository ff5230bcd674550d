// Package native runs private nodes of a RabbitMQ server that is installed on this machine, as any user, beside a system
// RabbitMQ. It installs nothing and writes nothing outside the folders that it is given.
package native

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"warren.example/workshop/broker"
	"warren.example/workshop/node"
	"warren.example/workshop/port"
)

// The environment variables that say where the server is.
const (
	EnvHome = "WORKSHOP_RABBITMQ_HOME" // the server's folder, with sbin and plugins in it
	EnvRoot = "WORKSHOP_RABBITMQ_ROOT" // another root folder, a debootstrapped Debian for example; needs Linux and root
)

// Config says which server to run. The zero value finds one.
type Config struct {
	Home string // as WORKSHOP_RABBITMQ_HOME, which is used when this is empty
	Root string // as WORKSHOP_RABBITMQ_ROOT, which is used when this is empty
}

// ErrNotInstalled is found by errors.Is in New's error when this machine has no RabbitMQ server that can be run.
var ErrNotInstalled = errors.New("no RabbitMQ server is installed")

// startTimeout ends a start that hangs. A cluster of three takes 20 s on two free cores.
const startTimeout = 3 * time.Minute

// A Driver starts nodes of an installed server. Each node lives in a process group of its own under a guard, which ends
// all of it when the node ends or this process does.
type Driver struct {
	server installation
	ports  port.Allocator

	mu     sync.Mutex // guards groups and closed
	groups map[*group]struct{}
	closed bool
}

var _ node.Driver = (*Driver)(nil)

// New finds the server and starts nothing. When there is none, the error says what to type.
func New(cfg Config) (*Driver, error) {
	server, err := findServer(cfg)
	if err != nil {
		return nil, err
	}
	return &Driver{server: server, ports: port.Allocator{Nodes: true}, groups: make(map[*group]struct{})}, nil
}

// Name is "native".
func (d *Driver) Name() string { return "native" }

// Version is the server's version, read from its folder.
func (d *Driver) Version(context.Context) (string, error) { return d.server.version, nil }

// Has reports what the server's nodes can do. What needs a plugin depends on what is installed.
func (d *Driver) Has(a broker.Ability) bool {
	switch a {
	case broker.Breakable, broker.Clustered, broker.Alarms:
		return true
	}
	plugin, ok := plugins[a]
	return ok && d.server.hasPlugin(plugin)
}

// Start starts a group of nodes: see node.Driver. A start that fails because another process took one of its ports is
// tried again with others.
func (d *Driver) Start(ctx context.Context, s node.Spec) (node.Group, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no success in %v", startTimeout))
	defer cancel()
	if s.Progress == nil {
		s.Progress = func(string) {}
	}
	const tries = 3
	for try := 1; ; try++ {
		g, err := d.start(ctx, s)
		if err == nil {
			return g, nil
		}
		if try == tries || !errors.Is(err, errPortTaken) || ctx.Err() != nil {
			return nil, fmt.Errorf("start RabbitMQ %s: %w", d.server.version, err)
		}
		s.Progress("a port was taken by somebody else; trying others")
	}
}

func (d *Driver) start(ctx context.Context, s node.Spec) (*group, error) {
	g, err := newGroup(d, s)
	if err != nil {
		return nil, err
	}
	if !d.keep(g) {
		return nil, errors.Join(broker.ErrClosed, g.Close())
	}
	if err := g.start(ctx, s.Progress); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

// Close ends all groups that are still open.
func (d *Driver) Close() error {
	d.mu.Lock()
	d.closed = true
	groups := d.groups
	d.groups = nil
	d.mu.Unlock()
	var failures []error
	for g := range groups {
		failures = append(failures, g.Close())
	}
	return errors.Join(failures...)
}

// keep remembers a group for Close. It reports false when the driver is closed already.
func (d *Driver) keep(g *group) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.groups[g] = struct{}{}
	return true
}

func (d *Driver) forget(g *group) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.groups, g)
}

// name is what messages call the driver's brokers.
func (d *Driver) name() string { return fmt.Sprintf("RabbitMQ %s (native)", d.server.version) }
