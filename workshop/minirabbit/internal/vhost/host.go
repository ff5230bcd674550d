package vhost

import (
	"sync"
	"time"

	"warren.example/workshop/minirabbit/internal/clock"
	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/minirabbit/internal/version"
)

// Config is what a virtual host is made of. Name, Version and Clock are needed.
type Config struct {
	Name    string
	Version version.Version
	Clock   *clock.Clock
	// Journal keeps things over a crash of the process. Nil: nothing is kept beyond the process.
	Journal Journal
	// Clustered says that the broker has several nodes: see broker.Options.
	Clustered bool
	// Hostility, if not zero, is the seed of a broker that is as unpleasant as the rules allow: confirms come late, out of
	// order and many at once, and deliveries still come while a consumer is being cancelled.
	Hostility int64
	// ConsumerTimeout is how long a consumer may keep a delivery. Zero: RabbitMQ's 30 minutes. Negative: for ever.
	ConsumerTimeout time.Duration
	// MaxMessageSize is the largest body in bytes. Zero: that of the version.
	MaxMessageSize int
}

// defaultConsumerTimeout is RabbitMQ's consumer_timeout (rabbitmq.com/docs/consumers#acknowledgement-timeout).
const defaultConsumerTimeout = 30 * time.Minute

// Host is a virtual host. Safe for several goroutines.
type Host struct {
	config  Config
	version version.Version

	mu sync.Mutex // guards what follows, and all connections and channels of the host

	now       time.Time // when the call began that holds the lock
	graph     *routing.Graph
	exchanges map[string]*exchangeCounts
	queues    map[string]*hostQueue
	conns     map[*Conn]struct{}
	repliers  map[string]*Channel // who waits for direct replies, by the name they are sent to
	hostility *hostility          // nil: a polite broker
	closed    bool

	// What is left to do before the lock is given back; see settle.
	dirty  []*hostQueue  // queues in which something changed
	graves []grave       // messages on their way to a dead-letter exchange
	routed []string      // what Route filled last; kept for its room
	later  []grave       // messages that died too often in one call
	pause  time.Duration // how long the next such messages rest

	confirms confirmLine // confirms that wait for the journal
	failed   bool        // the journal can write no more: nothing that it should keep is confirmed
	names    names       // invents names

	restoring map[string]*restoring // queues that come back from the journal; nil when that is over
}

// New returns a virtual host with the exchanges that each one has (amq.direct and so on), and nothing else.
func New(c Config) *Host {
	if c.ConsumerTimeout == 0 {
		c.ConsumerTimeout = defaultConsumerTimeout
	}
	if c.MaxMessageSize == 0 {
		c.MaxMessageSize = c.Version.MaxMessageSize()
	}
	h := &Host{config: c, version: c.Version, now: c.Clock.Now(), hostility: newHostility(c.Hostility)}
	h.forget()
	return h
}

// forget makes the host empty.
func (h *Host) forget() {
	h.graph = routing.New(rules(h.version))
	h.exchanges = make(map[string]*exchangeCounts)
	for _, x := range routing.Predeclared() {
		h.exchanges[x.Name] = &exchangeCounts{}
	}
	h.queues = make(map[string]*hostQueue)
	h.conns = make(map[*Conn]struct{})
	h.repliers = make(map[string]*Channel)
	h.dirty, h.graves, h.later, h.confirms = nil, nil, nil, confirmLine{}
	h.pause = roundsPause
}

// rules are routing's rules for the version.
func rules(v version.Version) routing.Rules {
	switch v {
	case version.V310:
		return routing.Rules310
	case version.V43:
		return routing.Rules43
	default:
		return routing.Rules40
	}
}

// Name returns the host's name.
func (h *Host) Name() string { return h.config.Name }

// enter takes the lock and reads the clock. Each call from outside begins with it and ends with leave.
func (h *Host) enter() {
	h.mu.Lock()
	h.now = h.config.Clock.Now()
}

// leave does what the call left to do, and gives the lock back.
func (h *Host) leave() {
	h.settle()
	h.mu.Unlock()
}

// Close forgets everything: the virtual host is deleted. Queues go first, so that consumers are told; then connections are
// told by reason through ConnInfo.Close. The journal is told nothing.
func (h *Host) Close(reason *fault.Error) {
	h.enter()
	defer h.leave()
	h.closed, h.config.Journal = true, nil
	for _, name := range sortedKeys(h.queues) {
		h.remove(h.queues[name])
	}
	for _, c := range h.sortedConns() {
		if c.info.Close != nil {
			c.info.Close(reason)
		}
		c.drop()
	}
	h.forget()
}

// after has f called when d has passed, by the timer t, which is made if it is nil.
func (h *Host) after(t *clock.Timer, d time.Duration, f func()) *clock.Timer {
	if t == nil {
		return h.config.Clock.AfterFunc(d, f)
	}
	t.Reset(d)
	return t
}

// rs words a thing as RabbitMQ does (rabbit_misc:rs): "queue 'orders' in vhost '/'".
func (h *Host) rs(kind, name string) string {
	return kind + " '" + name + "' in vhost '" + h.config.Name + "'"
}

// missing is the 404 of a thing that is not there.
func (h *Host) missing(kind, name string) *fault.Error {
	return fault.Channel(fault.NotFound, "no %s", h.rs(kind, name))
}
