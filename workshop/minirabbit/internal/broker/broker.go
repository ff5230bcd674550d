package broker

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"warren.example/workshop/minirabbit/internal/clock"
	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
)

// Options are what a broker is made of. All have useful zero values.
type Options struct {
	Version version.Version // zero: version.V40
	Clock   *clock.Clock    // nil: a clock of its own
	// Empty makes a broker without virtual hosts and users, for a journal to fill: see UseJournal.
	Empty bool
	// Clustered says that there are several nodes. Then classic queues are refused, unless they go with their connection.
	Clustered bool
	// Hostility, if not zero, is the seed of an unpleasant broker: see vhost.Config.
	Hostility int64
	// ConsumerTimeout is how long a consumer may keep a delivery. Zero: RabbitMQ's 30 minutes. Negative: for ever.
	ConsumerTimeout time.Duration
	// MaxMessageSize is the largest body in bytes. Zero: that of the version.
	MaxMessageSize int
}

// Broker has users, virtual hosts and connections. Safe for several goroutines.
//
// Locks are taken in this order: Broker, vhost.Host, clock.Clock.
type Broker struct {
	options  Options
	ownClock bool

	mu          sync.Mutex // guards what follows
	hosts       map[string]*vhost.Host
	users       map[string]User
	grants      map[grantKey]*grant
	connections []*Connection // the oldest first
	alarm       string
	down        bool // between Crash and Recover
	journal     Journal
	closed      bool // what Restore told last was that a broker ended in good order
	failed      bool // the journal can write no more
}

// New returns a broker as RabbitMQ is after its installation: the virtual host "/", the user guest with the password guest,
// the tag administrator and all permissions, who may only come from the machine itself. With Options.Empty it has none of
// these.
func New(o Options) *Broker {
	b := &Broker{
		options: o, hosts: make(map[string]*vhost.Host), users: make(map[string]User), grants: make(map[grantKey]*grant),
	}
	if b.options.Version == (version.Version{}) {
		b.options.Version = version.V40
	}
	if b.options.Clock == nil {
		b.options.Clock, b.ownClock = clock.New(), true
	}
	if !o.Empty {
		b.install()
	}
	return b
}

// install makes what RabbitMQ begins with.
func (b *Broker) install() {
	b.putHost("/")
	b.putUser(User{Name: "guest", Password: "guest", Tags: []string{"administrator"}})
	_ = b.putPermissions("/", "guest", Permissions{Configure: ".*", Write: ".*", Read: ".*"}) // both are there
}

// Close stops the broker's clock, if it is its own. Connections are not told.
func (b *Broker) Close() {
	if b.ownClock {
		b.options.Clock.Close()
	}
}

// Version returns which RabbitMQ is imitated.
func (b *Broker) Version() version.Version { return b.options.Version }

// Clock returns the broker's clock.
func (b *Broker) Clock() *clock.Clock { return b.options.Clock }

// Host returns the virtual host called name.
func (b *Broker) Host(name string) (*vhost.Host, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, ok := b.hosts[name]
	return h, ok
}

// Hosts returns the names of all virtual hosts, sorted.
func (b *Broker) Hosts() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.hosts))
}

// PutHost makes a virtual host, if there is none of that name. No user has permissions in it.
func (b *Broker) PutHost(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.putHost(name)
}

func (b *Broker) putHost(name string) {
	if b.hosts[name] != nil {
		return
	}
	h := vhost.New(vhost.Config{
		Name: name, Version: b.options.Version, Clock: b.options.Clock, Hostility: b.options.Hostility,
		ConsumerTimeout: b.options.ConsumerTimeout, MaxMessageSize: b.options.MaxMessageSize,
		Clustered: b.options.Clustered,
	})
	b.hosts[name] = h
	if b.journal != nil {
		_ = h.UseJournal(b.journal) // nothing is to be restored
	}
	if b.failed {
		h.Failed()
	}
	b.append(&Record{Kind: HostPut, Host: name})
}

// DeleteHost removes a virtual host with all that is in it, and permissions in it. Its connections are closed with 320, as
// RabbitMQ says it. It returns false if there is none.
func (b *Broker) DeleteHost(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, ok := b.hosts[name]
	if !ok {
		return false
	}
	b.forgetHost(name)
	b.append(&Record{Kind: HostDeleted, Host: name})
	h.Close(forced(fmt.Sprintf("vhost '%s' is deleted", name)))
	return true
}

func (b *Broker) forgetHost(name string) {
	delete(b.hosts, name)
	maps.DeleteFunc(b.grants, func(k grantKey, _ *grant) bool { return k.host == name })
}

// forced is the 320 with which somebody else ends a connection.
func forced(reason string) *fault.Error {
	return fault.Connection(fault.ConnectionForced, "%s", reason)
}

// Crash makes the broker what RabbitMQ would make of it by ending and starting again: see vhost.Host.Crash. Connections are
// forgotten without a word, the alarm is over; users, permissions and virtual hosts stay. Until Recover, nobody can log in.
func (b *Broker) Crash() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.crash()
}

// Kill is Crash without good order: what classic queues keep counts as redelivered, all of it.
func (b *Broker) Kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.crash()
	b.doubt()
}

// doubt is for after a broker that was killed. b.mu is held.
func (b *Broker) doubt() {
	for _, name := range slices.Sorted(maps.Keys(b.hosts)) {
		b.hosts[name].Doubt()
	}
}

// crash is Crash. b.mu is held.
func (b *Broker) crash() {
	b.down, b.alarm, b.connections = true, "", nil
	for _, name := range slices.Sorted(maps.Keys(b.hosts)) {
		b.hosts[name].Crash()
	}
}

// MoveLeaders makes the queues whose leader is on one node have it on another.
func (b *Broker) MoveLeaders(from, to string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(b.hosts)) {
		b.hosts[name].MoveLeaders(from, to)
	}
}

// Recover lets clients log in again after Crash.
func (b *Broker) Recover() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = false
}
