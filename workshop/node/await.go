package node

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"warren.example/workshop/broker"
	"warren.example/workshop/management"
)

const (
	pollEvery   = 50 * time.Millisecond // between two looks at something that starts
	reportEvery = 2 * time.Second       // between two lines of progress that say the same
	lookTimeout = 5 * time.Second       // for one look; one that hangs is repeated
)

// Await waits until nodes serve: the AMQP port listens, a connection opens, the management API answers and sees at least
// as many nodes running as are given, the other ports listen. The port alone is not enough: it opens before the virtual
// host is there. When ctx ends first, the error says what was still missing, or ctx's cause. progress may be nil.
func Await(ctx context.Context, nodes []broker.Info, progress func(string)) error {
	if progress == nil {
		progress = func(string) {}
	}
	for _, info := range nodes {
		steps := []step{
			{"AMQP port of " + info.Name, func(ctx context.Context) error { return listens(ctx, info.AMQP) }},
			{"AMQP of " + info.Name, func(ctx context.Context) error { return opens(ctx, info.AMQP) }},
			{"management API of " + info.Name, func(ctx context.Context) error { return sees(ctx, info, len(nodes)) }},
			{"metrics of " + info.Name, func(ctx context.Context) error { return listens(ctx, info.Prometheus) }},
			{"stream port of " + info.Name, func(ctx context.Context) error { return listens(ctx, info.Stream) }},
		}
		for _, s := range steps {
			if err := s.wait(ctx, progress); err != nil {
				return err
			}
		}
	}
	return nil
}

// A step is one thing to wait for.
type step struct {
	what string
	look func(ctx context.Context) error // nil: it is there
}

// wait looks again and again.
func (s step) wait(ctx context.Context, progress func(string)) error {
	began := time.Now()
	reported := began
	for {
		err := s.once(ctx)
		if err == nil {
			return nil
		}
		if now := time.Now(); now.Sub(reported) >= reportEvery {
			reported = now
			progress(fmt.Sprintf("waiting for %s (%d s)", s.what, int(now.Sub(began).Seconds())))
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); cause != ctx.Err() { // somebody knows better why it will never be there
				return fmt.Errorf("wait for %s: %w", s.what, cause)
			}
			return fmt.Errorf("wait for %s: %w (last: %w)", s.what, ctx.Err(), err)
		case <-time.After(pollEvery):
		}
	}
}

func (s step) once(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return s.look(ctx)
}

// listens looks whether the port of an address takes connections. An address that is empty is not served.
func listens(ctx context.Context, address string) error {
	if address == "" {
		return nil
	}
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", at.Host)
	if err != nil {
		return err
	}
	return conn.Close()
}

func opens(ctx context.Context, address string) error {
	_, err := broker.Probe(ctx, address)
	return err
}

// sees looks whether the management API of a node counts all nodes as running.
func sees(ctx context.Context, info broker.Info, want int) error {
	if info.Management == "" {
		return nil
	}
	client, err := management.New(info.Management)
	if err != nil {
		return err
	}
	nodes, err := client.Nodes(ctx)
	if err != nil {
		return err
	}
	var running []string
	for _, n := range nodes {
		if n.Running {
			running = append(running, n.Name)
		}
	}
	if len(running) < want { // more: others of the cluster, which the caller did not ask about
		return fmt.Errorf("%d of %d nodes run: %s", len(running), want, strings.Join(running, ", "))
	}
	return nil
}
