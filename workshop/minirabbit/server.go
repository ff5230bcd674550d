package minirabbit

import (
	"cmp"
	"fmt"
	"net"
	"sync"
	"time"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/httpapi"
	"warren.example/workshop/minirabbit/internal/protocol"
	"warren.example/workshop/minirabbit/internal/version"
)

// Server is a broker that listens. Make one with Start or Run. Its methods are safe for several goroutines.
//
// It is in one of three states: it runs, it stopped (by Stop or Kill; Restart makes it run again), or it is closed for good.
type Server struct {
	options options
	cluster *cluster // nil: there is but this node
	node    string   // its name, in a cluster
	version version.Version
	broker  *broker.Broker
	amqp    *protocol.Server
	diary   diary

	mu         sync.Mutex // guards what follows
	running    bool
	closed     bool
	refusing   bool
	door       *door // of AMQP; nil: closed
	address    string
	management *management // nil: not served
	storage    storage
}

// Start starts a broker. Close it when it is no longer needed; in tests, Run does that. It fails if an option makes no sense,
// if an address is taken, or if the folder is used by another broker or damaged.
func Start(opts ...Option) (*Server, error) { return start(nil, opts) }

// start starts a broker, or a further node of a cluster.
func start(c *cluster, opts []Option) (*Server, error) {
	s := &Server{}
	for _, option := range opts {
		option(&s.options)
	}
	v, err := s.options.settle()
	if err != nil {
		return nil, err
	}
	s.version = v
	s.diary.logger = s.options.log
	if c != nil {
		if err := c.join(s); err != nil {
			return nil, err
		}
	}
	if s.broker == nil {
		if err := s.build(); err != nil {
			return nil, err
		}
	}
	s.amqp = protocol.New(protocol.Config{
		Broker: s.broker, Node: s.node, Version: s.version, Hostility: s.options.hostility, Record: s.recorded,
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address = s.options.address
	if err := s.openDoors(); err != nil {
		s.amqp.Kill() // those who came in by the first door while the second did not open
		s.discard()
		return nil, err
	}
	s.running = true
	s.cluster.enter(s)
	s.note("started", "as RabbitMQ "+v.String())
	return s, nil
}

// build makes the broker behind the doors.
func (s *Server) build() error {
	o := s.options
	s.broker = broker.New(broker.Options{
		Version: s.version, Hostility: o.hostility, ConsumerTimeout: o.consumerTimeout, Empty: o.folder != "",
		Clustered: s.cluster != nil,
	})
	if err := s.storage.open(o.folder, s.broker); err != nil {
		s.broker.Close()
		return err
	}
	if err := s.populate(); err != nil {
		s.discard()
		return err
	}
	if s.cluster != nil {
		s.cluster.broker = s.broker
	}
	return nil
}

// populate adds the users and virtual hosts that options ask for.
func (s *Server) populate() error {
	const guest = "guest"
	all := broker.Permissions(AllPermissions())
	for _, name := range s.options.virtualHosts {
		s.broker.PutHost(name)
		if err := s.broker.PutPermissions(name, guest, all); err != nil {
			return fmt.Errorf("minirabbit: virtual host %q: %w", name, err)
		}
	}
	for _, u := range s.options.users {
		s.broker.PutUser(broker.User{Name: u.Name, Password: u.Password, Tags: u.Tags})
		for name, p := range u.Permissions {
			s.broker.PutHost(name)
			if err := s.broker.PutPermissions(name, u.Name, broker.Permissions(p)); err != nil {
				return fmt.Errorf("minirabbit: permissions of user %q in virtual host %q: %w", u.Name, name, err)
			}
		}
	}
	return nil
}

// discard lets go of what build made, unless other nodes need it.
func (s *Server) discard() {
	if s.cluster.close(s) {
		return
	}
	_ = s.storage.close()
	s.broker.Close()
}

// openDoors listens, at the addresses of the first time. The lock is held.
func (s *Server) openDoors() error {
	if !s.refusing && s.door == nil {
		door, err := openDoor(s.address, s.options.tls, s.amqp.Serve)
		if err != nil {
			return fmt.Errorf("minirabbit: listen for AMQP: %w", err)
		}
		s.door, s.address = door, door.address()
	}
	if s.management == nil && s.options.management != nil {
		m, err := openManagement(s.broker, *s.options.management, httpapi.Config{
			Node: s.node, Members: s.cluster.list, Listeners: s.listeners(),
		})
		if err != nil {
			s.closeDoors()
			return fmt.Errorf("minirabbit: listen for the management API: %w", err)
		}
		s.management = m
		where := m.address()
		s.options.management = &where
	}
	return nil
}

// closeDoors ends listening. Connections stay. The lock is held.
func (s *Server) closeDoors() {
	s.door.close()
	s.door = nil
	s.management.close()
	s.management = nil
}

// URL is where clients connect, as guest and to the virtual host "/": "amqp://guest:guest@127.0.0.1:40123/". It stays the same
// over a restart.
func (s *Server) URL() string { return s.URLFor("guest", "guest", "/") }

// URLFor is where clients connect as a user, to a virtual host.
func (s *Server) URLFor(user, password, virtualHost string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	scheme := "amqp"
	if s.options.tls != nil {
		scheme = "amqps"
	}
	return address(scheme, user, password, s.address, virtualHost)
}

// Node is the name of the server as a node: "rabbit@localhost", in a cluster "rabbit2@localhost".
func (s *Server) Node() string { return cmp.Or(s.node, "rabbit@localhost") }

// ManagementURL is where the management API is, with guest's name and password: "http://guest:guest@127.0.0.1:40124". It is
// empty without WithManagement.
func (s *Server) ManagementURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options.management == nil {
		return ""
	}
	return address("http", "guest", "guest", *s.options.management, "")
}

// AddVirtualHost makes a virtual host in which guest may do everything, and returns the URL to connect to it. A host that is
// there stays as it is.
func (s *Server) AddVirtualHost(name string) string {
	s.broker.PutHost(name)
	_ = s.broker.PutPermissions(name, "guest", broker.Permissions(AllPermissions())) // fails if guest was deleted
	return s.URLFor("guest", "guest", name)
}

// Advance moves the broker's clock on by d. Whatever is due on the way happens, in the order of its time, and has happened
// when Advance returns: messages and queues expire, consumers that keep deliveries for too long lose their channel. Heartbeats
// go by real time, so connections stay.
func (s *Server) Advance(d time.Duration) {
	s.broker.Clock().Advance(d)
	s.note("time advanced", d.String())
}

// SetAlarm makes the broker say that it is out of memory, or that it is well again. While the alarm is on, it reads nothing
// more from connections that publish, and tells them by connection.blocked (rabbitmq.com/docs/alarms).
func (s *Server) SetAlarm(on bool) {
	reason := ""
	if on {
		reason = "memory"
	}
	s.broker.SetAlarm(reason)
	s.note("alarm", map[bool]string{true: "low on memory", false: "over"}[on])
}

// serveConn is called for each connection that comes in.
type serveConn func(net.Conn)
