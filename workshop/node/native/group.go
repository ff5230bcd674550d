package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"warren.example/workshop/broker"
	"warren.example/workshop/node"
	"warren.example/workshop/port"
)

// A group is a node, or several that form a cluster. They share a port mapper (epmd) of their own: the system's would be
// started on demand, live on for ever, and know nodes of others.
type group struct {
	driver  *Driver
	dir     string
	mapper  *guard
	epmd    int // its port
	servers []*server

	closing sync.Once
	err     error // what the first Close returned
}

// newGroup chooses ports and writes the folders of a group. It starts nothing.
func newGroup(d *Driver, s node.Spec) (*group, error) {
	g := &group{driver: d, dir: s.Dir}
	if err := g.prepare(names(s), s.Ports); err != nil {
		return nil, errors.Join(err, os.RemoveAll(g.dir))
	}
	return g, nil
}

func (g *group) prepare(names []string, wanted port.Set) error {
	var err error
	if g.epmd, err = g.driver.ports.Port(0); err != nil {
		return err
	}
	cookie := newCookie()
	for _, name := range names {
		server, err := newServer(g, name, wanted)
		if err != nil {
			return err
		}
		wanted = port.Set{}
		g.servers = append(g.servers, server)
		if err := server.write(cookie, names); err != nil {
			return err
		}
	}
	return nil
}

// names returns the Erlang names of the nodes: rabbit@localhost, or rabbit-1@localhost and so on.
func names(s node.Spec) []string {
	base := s.Name
	if base == "" {
		base = "rabbit"
	}
	if s.Nodes <= 1 {
		return []string{base + "@localhost"}
	}
	var all []string
	for i := range s.Nodes {
		all = append(all, fmt.Sprintf("%s-%d@localhost", base, i+1))
	}
	return all
}

// start starts all nodes and waits until they serve.
func (g *group) start(ctx context.Context, progress func(string)) error {
	what := "RabbitMQ " + g.driver.server.version
	if len(g.servers) > 1 {
		what += fmt.Sprintf(", %d nodes", len(g.servers))
	}
	progress("starting " + what)
	if err := g.startMapper(ctx); err != nil {
		return err
	}
	for _, s := range g.servers {
		if err := s.launch(); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := await(ctx, g.servers, progress); err != nil {
		return err
	}
	progress(fmt.Sprintf("%s: serves after %.1f s", what, time.Since(began).Seconds()))
	return nil
}

// startMapper starts epmd in the foreground, under a guard of its own.
func (g *group) startMapper(ctx context.Context) error {
	environment := []string{"HOME=/", "ERL_EPMD_ADDRESS=127.0.0.1"}
	run := g.driver.server.command(g.dir, environment, "epmd", "-port", strconv.Itoa(g.epmd))
	log := filepath.Join(g.dir, "epmd.log")
	var err error
	if g.mapper, err = startGuard(run, log); err != nil {
		return err
	}
	if err := g.mapper.until(ctx, func() bool { return !port.IsFree(g.epmd) }); err != nil {
		return fmt.Errorf("start epmd: %w%s", err, tellingLines(log))
	}
	return nil
}

// await waits until servers serve, and gives up when one of them ends.
func await(ctx context.Context, servers []*server, progress func(string)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var watchers sync.WaitGroup
	var infos []broker.Info
	for _, s := range servers {
		infos = append(infos, s.info)
		watchers.Go(func() {
			if s.hasEnded(ctx) {
				cancel(s.obituary())
			}
		})
	}
	defer watchers.Wait()
	defer cancel(nil)
	return node.Await(ctx, infos, progress)
}

// Nodes returns the nodes in the order of their names.
func (g *group) Nodes() []broker.Node {
	nodes := make([]broker.Node, len(g.servers))
	for i, s := range g.servers {
		nodes[i] = s
	}
	return nodes
}

// Close kills what still runs and deletes the folder.
func (g *group) Close() error {
	g.closing.Do(func() {
		g.driver.forget(g)
		for _, s := range g.servers {
			s.end()
		}
		if g.mapper != nil {
			g.mapper.kill()
		}
		g.err = os.RemoveAll(g.dir)
	})
	return g.err
}
