package lab

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/mini"
)

const (
	findTimeout  = time.Minute     // for finding the source; mini.Find gives up earlier by itself
	leaseTimeout = 5 * time.Minute // for a broker of one's own: others may have to give theirs back first
)

// process is what all tests of a test binary share: the connection to the source, and its lease of the shared broker.
// Both end with the process.
var process struct {
	once   sync.Once
	source broker.Source
	nodes  []broker.Node
	err    error
	test   string // the test that found out
}

// lease returns the nodes of a broker as c says, and what c came to on this source. It skips the test where no broker here
// can be that.
func lease(t testing.TB, c Config) ([]broker.Node, Config) {
	t.Helper()
	process.once.Do(func() {
		process.test = t.Name()
		process.source, process.nodes, process.err = connect(t)
	})
	if err := process.err; err != nil {
		if process.test != t.Name() {
			err = errors.New("no broker: see " + process.test)
		}
		fatal(t, err.Error())
	}
	c = c.timed(process.source)
	if c.Kind == broker.Shared && len(c.Needs) == 0 {
		return process.nodes, c
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaseTimeout)
	defer cancel()
	request := broker.Request{Kind: c.Kind, Nodes: c.Nodes, Needs: c.Needs, For: t.Name()}
	lease, err := process.source.Lease(ctx, request)
	if lacks := (*broker.UnsupportedError)(nil); errors.As(err, &lacks) {
		t.Skip(lacks)
	}
	if err != nil {
		fatal(t, err.Error())
	}
	t.Cleanup(func() {
		if err := lease.Release(); err != nil {
			t.Logf("lab: give the broker back: %v", err)
		}
	})
	return lease.Nodes(), c
}

// connect finds the source and leases the shared broker.
func connect(t testing.TB) (broker.Source, []broker.Node, error) {
	ctx, cancel := context.WithTimeout(context.Background(), findTimeout)
	defer cancel()
	source, err := mini.Find(ctx)
	if err != nil {
		return nil, nil, err
	}
	shared, err := source.Lease(ctx, broker.Request{For: t.Name()})
	if err != nil {
		return nil, nil, err
	}
	sayStandIn(source)
	return source, shared.Nodes(), nil
}

// fatal ends the test with a text, without the file and line that Fatal adds: they would be the lab's.
func fatal(t testing.TB, text string) {
	t.Helper()
	_, _ = t.Output().Write([]byte(text + "\n"))
	t.FailNow()
}
