package native

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"warren.example/workshop/broker"
	"warren.example/workshop/port"
)

// pollEvery is the pause between two looks at a process that starts or ends.
const pollEvery = 20 * time.Millisecond

// A server is one node. Its ports and its folder stay the same from run to run.
type server struct {
	group  *group
	folder folder
	info   broker.Info
	ports  port.Set
	dist   int // the port for the other nodes and for rabbitmqctl

	mu  sync.Mutex // guards run
	run *guard     // nil before the first launch
}

var _ broker.Node = (*server)(nil)

func newServer(g *group, name string, wanted port.Set) (*server, error) {
	ports, err := g.driver.ports.Ports(wanted)
	if err != nil {
		return nil, err
	}
	dist, err := g.driver.ports.Port(0)
	if err != nil {
		return nil, err
	}
	short, _, _ := strings.Cut(name, "@")
	s := &server{
		group: g,
		folder: folder{
			outside: filepath.Join(g.dir, short),
			inside:  g.driver.server.inside(g.dir, short),
		},
		ports: ports,
		dist:  dist,
		info: broker.Info{
			Name:    name,
			AMQP:    fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", ports.AMQP),
			Version: g.driver.server.version,
		},
	}
	if g.driver.Has(broker.Management) {
		s.info.Management = fmt.Sprintf("http://guest:guest@127.0.0.1:%d", ports.Management)
	}
	if g.driver.Has(broker.Prometheus) {
		s.info.Prometheus = fmt.Sprintf("http://127.0.0.1:%d/metrics", ports.Prometheus)
	}
	if g.driver.Has(broker.Streams) {
		s.info.Stream = fmt.Sprintf("rabbitmq-stream://guest:guest@127.0.0.1:%d/", ports.Stream)
	}
	return s, nil
}

// write makes the node's folder.
func (s *server) write(cookie string, cluster []string) error {
	var enabled []string
	for ability, plugin := range plugins {
		if s.group.driver.Has(ability) {
			enabled = append(enabled, plugin)
		}
	}
	return s.folder.write(cookie, settings(s.ports, cluster, s.group.driver), enabled)
}

// Info returns the node's addresses.
func (s *server) Info() broker.Info { return s.info }

// command returns how to run one of the server's scripts for this node.
func (s *server) command(args ...string) command {
	environment := append(s.folder.environment(),
		"RABBITMQ_NODENAME="+s.info.Name,
		"RABBITMQ_DIST_PORT="+strconv.Itoa(s.dist),
		"ERL_EPMD_PORT="+strconv.Itoa(s.group.epmd),
		"ERL_EPMD_ADDRESS=127.0.0.1",
		// The group has its port mapper. One that Erlang starts where that is gone, while all is being ended, is a daemon in a
		// session of its own, and would stay.
		"ERL_ZFLAGS=-start_epmd false",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+erlangArguments,
	)
	return s.group.driver.server.command(s.group.dir, environment, args...)
}

// launch starts the node's process. It does not wait until the node serves.
func (s *server) launch() error {
	if err := s.folder.prepare(); err != nil {
		return fmt.Errorf("start %s: %w", s.info.Name, err)
	}
	program := s.command(s.group.driver.server.script("rabbitmq-server"))
	run, err := startGuard(program, s.folder.path(fileOutput))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = run
	return nil
}

// current returns the node's run, nil when it is dead.
func (s *server) current() *guard {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil || !s.run.isRunning() {
		return nil
	}
	return s.run
}

// hasEnded waits for the end of the node's run, and reports false when ctx ends first.
func (s *server) hasEnded(ctx context.Context) bool {
	run := s.current()
	if run == nil {
		return true
	}
	select {
	case <-run.ended:
		return true
	case <-ctx.Done():
		return false
	}
}

// end kills the node's process group, whatever state it is in.
func (s *server) end() {
	if run := s.current(); run != nil {
		run.kill()
	}
}

// untilGone waits until the node's ports are free: a killed process needs a moment to give them back, and its number is
// no sign, since it may not be this process's child.
func (s *server) untilGone(ctx context.Context) error {
	for _, number := range []int{s.ports.AMQP, s.ports.Management, s.ports.Prometheus, s.ports.Stream, s.dist} {
		for !port.IsFree(number) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("wait for the end of %s: port %d: %w", s.info.Name, number, context.Cause(ctx))
			case <-time.After(pollEvery):
			}
		}
	}
	return nil
}

// pid returns the process number of the node's virtual machine, which writes it into the PID file and deletes that when it
// ends in order.
func (s *server) pid() (int, error) {
	raw, err := os.ReadFile(s.folder.path(filePID))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, errDead
	}
	if err != nil {
		return 0, fmt.Errorf("find the process of %s: %w", s.info.Name, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0, fmt.Errorf("find the process of %s: %w", s.info.Name, err)
	}
	return pid, nil
}
