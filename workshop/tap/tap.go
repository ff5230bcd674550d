package tap

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
)

// Config says where a tap stands. Only Target has to be given.
type Config struct {
	// Target is the broker's address, "127.0.0.1:5672".
	Target string
	// More are the addresses of other nodes of the same broker. Each gets an address for clients of its own: see Addrs.
	More []string
	// Listen is the address for clients. Empty means a free port on loopback, as those for More have it.
	Listen string
	// BodyLimit is how many bytes of each body are recorded. 0 means 4096, a negative number none.
	BodyLimit int
	// EventLimit is how many events are kept. When there are more, the oldest go. 0 means 200,000.
	EventLimit int
	// CA ends the TLS of clients that speak it, with certificates that it issues for the name they ask for. Without one
	// TLS passes unread.
	CA *CA
	// TargetTLS, if there is one, makes the tap speak TLS to the broker. It does not matter for TLS that passes unread.
	// An empty ServerName means the host of Target. With CA or TargetTLS the broker hears of a client that says nothing
	// only when it says something.
	TargetTLS *tls.Config
}

const anyPort = "127.0.0.1:0"

// validate fills in what was left zero.
func (c *Config) validate() error {
	host, _, err := net.SplitHostPort(c.Target)
	if err != nil {
		return fmt.Errorf("target %q is no host:port: %w", c.Target, err)
	}
	for _, target := range c.More {
		if _, _, err := net.SplitHostPort(target); err != nil {
			return fmt.Errorf("target %q is no host:port: %w", target, err)
		}
	}
	if c.Listen == "" {
		c.Listen = anyPort
	}
	if c.BodyLimit == 0 {
		c.BodyLimit = 4096
	}
	c.BodyLimit = max(c.BodyLimit, 0)
	if c.EventLimit < 0 {
		return fmt.Errorf("event limit %d is negative", c.EventLimit)
	}
	if c.EventLimit == 0 {
		c.EventLimit = 200_000
	}
	if c.TargetTLS != nil {
		c.TargetTLS = c.TargetTLS.Clone()
		if c.TargetTLS.ServerName == "" {
			c.TargetTLS.ServerName = host
		}
	}
	return nil
}

// A Tap stands between clients and a broker. All its methods may be called from any goroutine, except from the Where of a
// rule.
type Tap struct {
	config    Config
	doors     []*door // at least one
	recording *Recording
	ctx       context.Context // ends with the tap
	stop      context.CancelFunc
	work      sync.WaitGroup // the acceptors and all connections

	mu       sync.Mutex // guards what follows, and the state of every connection and rule
	conns    []*conn    // all there ever were, in the order of their numbers
	rules    []*Rule    // in the order in which they were added
	blocked  *string    // the reason given to Block, until Unblock
	refusing bool
	closed   bool
}

// Start listens, and proxies until Close.
func Start(config Config) (*Tap, error) {
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("start tap: %w", err)
	}
	doors, err := openDoors(config)
	if err != nil {
		return nil, fmt.Errorf("start tap: %w", err)
	}
	t := &Tap{config: config, doors: doors, recording: newRecording(config.EventLimit)}
	t.ctx, t.stop = context.WithCancel(context.Background())
	for _, d := range doors {
		t.work.Add(1)
		go t.accept(d)
	}
	return t, nil
}

// CA returns the authority that clients must trust to speak TLS with the tap, or nil if TLS passes unread.
func (t *Tap) CA() *CA { return t.config.CA }

// Recording returns what the tap has seen. It can be asked after Close too.
func (t *Tap) Recording() *Recording { return t.recording }

// Close cuts all connections and returns when every goroutine of the tap has ended. Safe to call twice.
func (t *Tap) Close() error {
	t.mu.Lock()
	if !t.closed {
		t.closed = true
		t.stop()
		for _, d := range t.doors {
			d.listener.Close()
		}
		for _, c := range t.conns {
			c.kill()
		}
	}
	t.mu.Unlock()
	t.work.Wait()
	t.recording.close()
	return nil
}
