package protocol

import (
	"net"
	"sync"
	"time"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/version"
)

// Config is what a server is made of. Only Broker is needed.
type Config struct {
	Broker *broker.Broker
	// Node is the name of the node that clients connect to. It matters in a cluster.
	Node string
	// Version is which RabbitMQ is imitated. Zero: version.V40.
	Version version.Version
	// Hostility, if not zero, is the seed of bodies cut into small frames of any size.
	Hostility int64
	// HandshakeTimeout is how long a client may take to connection.open, in real time. Zero: RabbitMQ's ten seconds.
	HandshakeTimeout time.Duration
	// Grace is how long a client that failed may stay to read why, in real time. Zero: RabbitMQ's three seconds.
	Grace time.Duration
	// MaxMessageSize is the largest body in bytes. Zero: that of the version.
	MaxMessageSize int
	// MaxUnsent is how many bytes may wait for a client that does not read, whoever it is that makes them: a flood of direct
	// replies knows no other limit. A connection with more is cut. Zero: 300 MiB, which is more than the largest answers and
	// deliveries make together.
	MaxUnsent int
	// Record is told what happens. Nil: nobody is. It is called by many goroutines and must not block.
	Record func(Event)
}

// Event is something that happened to a connection.
type Event struct {
	Kind       EventKind
	Connection string // "127.0.0.1:51234 -> 127.0.0.1:5672"
	Channel    uint16 // 0 if the whole connection is meant
	// Text says it for people: why the connection was closed, what the channel's error was.
	Text string
}

// EventKind says what an Event tells.
type EventKind string

// All kinds of events.
const (
	ConnectionOpened  EventKind = "connection opened"
	ConnectionClosed  EventKind = "connection closed"
	ConnectionFailed  EventKind = "connection failed" // before connection.open-ok: the client did not get in
	ConnectionBlocked EventKind = "connection blocked"
	ChannelFailed     EventKind = "channel closed with an error"
)

// Server speaks AMQP with clients on behalf of a broker. Safe for several goroutines.
type Server struct {
	config  Config
	largest int // body, in bytes

	mu          sync.Mutex // guards what follows
	connections map[*connection]struct{}
	empty       sync.Cond // connections is empty
	paused      bool
	killed      bool // what comes is cut at once
	served      int64
}

// New returns a server without connections.
func New(c Config) *Server {
	if c.Version == (version.Version{}) {
		c.Version = version.V40
	}
	if c.HandshakeTimeout == 0 {
		c.HandshakeTimeout = 10 * time.Second
	}
	if c.Grace == 0 {
		c.Grace = 3 * time.Second // rabbit_reader: SILENT_CLOSE_DELAY
	}
	if c.MaxMessageSize == 0 {
		c.MaxMessageSize = c.Version.MaxMessageSize()
	}
	if c.MaxUnsent == 0 {
		c.MaxUnsent = 300 << 20
	}
	if c.Record == nil {
		c.Record = func(Event) {}
	}
	s := &Server{config: c, largest: c.MaxMessageSize, connections: make(map[*connection]struct{})}
	s.empty.L = &s.mu
	return s
}

// Serve speaks with a client until the connection is over, and closes the socket. Nothing of the connection is left then:
// its exclusive queues are gone, and what it had not acknowledged is back in the queues.
func (s *Server) Serve(socket net.Conn) {
	s.mu.Lock()
	if s.killed {
		s.mu.Unlock()
		_ = socket.Close()
		return
	}
	s.served++
	c := newConnection(s, socket, s.served)
	s.connections[c] = struct{}{}
	if s.paused {
		c.setPaused(true)
	}
	s.mu.Unlock()

	c.run()

	s.mu.Lock()
	delete(s.connections, c)
	if len(s.connections) == 0 {
		s.empty.Broadcast()
	}
	s.mu.Unlock()
}

// Pause makes all connections deaf and mute, as if the process were stopped by a signal, or lets them go on. New ones are
// deaf and mute too. Nothing is lost.
func (s *Server) Pause(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = on
	for c := range s.connections {
		c.setPaused(on)
	}
}

// Close ends all connections in good order, with connection.close 320 and the reason, gives the clients a moment to
// answer, and returns when nothing of any connection is left. New ones are cut at once. A server that is paused cuts all.
func (s *Server) Close(reason string) {
	s.each(func(c *connection) {
		if s.paused {
			c.cut("the broker was killed")
			return
		}
		c.shutDown(reason)
	})
	s.wait()
}

// Kill cuts all sockets without a word, and new ones too, and returns when nothing of any connection is left.
func (s *Server) Kill() {
	s.each(func(c *connection) { c.cut("the broker was killed") })
	s.wait()
}

// Reopen serves connections again after Close or Kill.
func (s *Server) Reopen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.killed, s.paused = false, false
}

func (s *Server) each(do func(*connection)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.killed = true
	for c := range s.connections {
		do(c)
	}
}

func (s *Server) wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.connections) > 0 {
		s.empty.Wait()
	}
}
