// Package lab is what the tests of the chapters import: a broker with a virtual host per test, connections through a
// tap that sees and disturbs, facts, and claims that say what is wrong. The broker is the one that was given (package
// broker), else a minirabbit in the test's own process (package broker/mini). It knows no exercise (package course does).
//
// A test reads as a story:
//
//	l := lab.New(t)
//	conn := l.Dial()
//	err := l.Do("Send", func(ctx context.Context) error { return hello.Send(ctx, conn, "orders", "order-7") })
//	l.NoError(err, lab.Claim{Want: "Send returns nil", Why: "the broker was there and took the message"})
//	l.Check(l.Depth("orders") == 1, lab.Claim{Saw: "…", Want: "…", Why: "…"})
//
// A type of the tests' own that holds a Lab names the field. To embed it makes the compiler write a wrapper of each of
// Lab's methods into the test's package, at every edit: 0.11 s to compile the tests of 01/1 where 0.06 s do.
//
// # Deadlines
//
// Everything that waits does so for 5 seconds, and for 20 where the lab itself asks the broker; both times WORKSHOP_PATIENCE.
//
// # Output
//
// A failure shows the events that convict. WORKSHOP_WIRE=1 prints all that the tap saw, at the end of each test.
//
// # Goroutines
//
// Methods that can fail a test end the goroutine that calls them, as t.FailNow does: call them on the test's own
// goroutine. Note, Crash and everything of Tap may be called from anywhere, handlers included.
package lab

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/broker"
	"warren.example/workshop/management"
	"warren.example/workshop/tap"
)

// A Lab is one test's broker, and what can be done with it and asked of it. It is taken down when the test ends.
type Lab struct {
	// URL leads through the tap to the virtual host: the learner's code is given this one, or a connection by Dial.
	URL string
	// URLs lead through the tap too, one to each node; the first is URL. Tap.RefuseAt(i) makes the node of URLs[i] look dead.
	URLs []string
	// DirectURL leads around the tap to the same virtual host.
	DirectURL string
	// VHost is the name of the test's own virtual host.
	VHost string
	// Tap stands between the learner's code and the broker: faults and the recording.
	Tap *tap.Tap
	// Nodes are the broker's nodes. Those of a shared broker can't be broken. URL leads to the first.
	Nodes []broker.Node

	t          testing.TB
	clock      bool               // Pass puts the nodes' clocks forward
	id         string             // names the lab among all of this process, in goroutine labels
	patience   float64            // all deadlines are stretched by it
	direct     *direct            // for facts
	management *management.Client // of the first node
	isLate     atomic.Bool        // the last Soon did not come
	trouble    sync.Once          // closes troubled
	troubled   chan struct{}      // closed when one of calls ended in a way that no test can want

	crashed atomic.Bool // nobody asks a dead process to tidy up

	mu    sync.Mutex         // guards what follows
	calls []*Call            // all, in the order in which they were made
	conns []*amqp.Connection // those that Dial opened
}

// Config asks for more than a virtual host on a shared broker. Its zero value is what New uses.
type Config struct {
	Kind  broker.Kind      // Shared, Own (a node to kill and pause) or Cluster
	Nodes int              // of a Cluster; 0 means 3
	Doors int              // how many URLs; 0 means one for each node. Where there are fewer nodes, some lead to the same
	Needs []broker.Ability // without them the test is skipped, and says so
	Timed bool             // as NewTimed
}

var lastLab atomic.Int64

// New gives the test a virtual host of its own on the shared broker. A broker that was given but does not answer fails the
// test, saying what to do. At the end of the test, calls that still run are stopped; then connections that the learner's code left open
// and goroutines that it left running fail the test, and the virtual host is deleted. They are judged before the lab
// closes its own connections, so a test that made something with a Close closes it.
func New(t testing.TB) *Lab {
	t.Helper()
	return Config{}.New(t)
}

// New gives the test a broker as c says. It skips the test when no broker here can be that, and names what is missing.
func (c Config) New(t testing.TB) *Lab {
	t.Helper()
	l := &Lab{t: t, id: fmt.Sprint(lastLab.Add(1)), patience: givenPatience(), troubled: make(chan struct{})}
	l.Nodes, c = lease(t, c)
	l.clock = c.Timed
	l.openVHost(c.Kind == broker.Shared)
	l.startTap(c.Doors)
	t.Cleanup(l.end) // registered last: it runs before tap and virtual host go
	return l
}
