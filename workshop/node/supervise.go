package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"warren.example/workshop/broker"
	"warren.example/workshop/scratch"
)

// Config says what a supervisor serves.
type Config struct {
	Source broker.Source      // gives the leases: a *Pool, for example. Supervise closes it
	Ready  func(broker.State) // is called once, when others can lease; nil: nobody wants to know
}

// ErrRunning is returned by Supervise when another supervisor serves this project already.
var ErrRunning = errors.New("a broker is up already: see `go run ./workshop status`, or end it by `go run ./workshop down`")

const (
	watchEvery   = time.Second     // between two looks whether the state file is still there
	shutdownTime = 5 * time.Second // for the last answers
)

// Supervise leases the shared broker, serves the source's leases to other processes on a free port of loopback, writes the
// state file that says where (broker.State), and blocks until ctx ends, somebody calls Stop, or the state file is gone:
// who deletes the scratch folder wants no broker. Then it ends all leases, closes the source, removes the state file, and
// returns nil.
func Supervise(ctx context.Context, cfg Config) (err error) {
	defer func() { err = errors.Join(err, cfg.Source.Close()) }()
	lock, err := lockProject()
	if err != nil {
		return err
	}
	defer lock.Unlock()
	shared, err := cfg.Source.Lease(ctx, broker.Request{For: "workshop up"})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serve leases: %w", err)
	}
	s := newSupervisor(cfg, shared, listener.Addr().String())
	return s.run(ctx, listener)
}

// lockProject sees to it that there is one supervisor. The system unlocks when the process ends, however it ends.
func lockProject() (*scratch.Held, error) {
	dir, err := scratch.Dir()
	if err != nil {
		return nil, err
	}
	lock, err := scratch.Lock(filepath.Join(dir, "up.lock"))
	if errors.Is(err, scratch.ErrLocked) {
		return nil, ErrRunning
	}
	return lock, err
}

func newState(source broker.Source, shared broker.Info, address string) broker.State {
	host, _ := os.Hostname() // empty is as good: all processes here see the same
	return broker.State{
		PID:        os.Getpid(),
		Host:       host,
		Address:    address,
		Token:      rand.Text(),
		Source:     source.Name(),
		AMQP:       shared.AMQP,
		Management: shared.Management,
		Started:    time.Now(),
	}
}

// run serves until it is time to end.
func (s *supervisor) run(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: shutdownTime,
		BaseContext:       func(net.Listener) context.Context { return s.lifetime },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	err := s.state.Write()
	if err == nil {
		s.ready(s.state)
		err = s.wait(ctx, served)
	}

	// The order matters: leases end, then their brokers; only then is Stop answered, and the port closed.
	s.end()
	err = errors.Join(err, s.source.Close(), s.state.Remove())
	close(s.ended)
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if failed := server.Shutdown(limit); failed != nil {
		err = errors.Join(err, failed, server.Close())
	}
	return err
}

// wait returns when it is time to end.
func (s *supervisor) wait(ctx context.Context, served <-chan error) error {
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.stop:
			return nil
		case err := <-served:
			return fmt.Errorf("serve leases: %w", err)
		case <-watch.C:
			if !s.state.IsCurrent() {
				return nil
			}
		}
	}
}
