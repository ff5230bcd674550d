package httpapi

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// A fake is a source whose virtual hosts have whatever a test puts into them.
type fake struct {
	version version.Version
	alarm   string

	mu     sync.Mutex // guards what follows
	users  map[string]broker.User
	hosts  map[string]vhost.Snapshot
	grants map[[2]string]broker.Permissions
	conns  []*broker.Connection
	closed map[string]string // names of connections and reasons
}

// began is the time of everything in a fake.
var began = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

const peer = "127.0.0.1:50001 -> 127.0.0.1:5672"

// newFake has a virtual host with one of each thing, like the one whose answers of RabbitMQ stand in testdata.
func newFake(v version.Version) *fake {
	guest := broker.User{Name: "guest", Password: "guest", Tags: []string{"administrator"}}
	all := broker.Permissions{Configure: ".*", Write: ".*", Read: ".*"}
	return &fake{
		version: v,
		users:   map[string]broker.User{"guest": guest},
		hosts:   map[string]vhost.Snapshot{"/": {Name: "/"}, "shop": shop()},
		grants:  map[[2]string]broker.Permissions{{"/", "guest"}: all, {"shop", "guest"}: all},
		closed:  map[string]string{},
		conns: []*broker.Connection{{Since: began, Peer: broker.Peer{
			Name: peer, User: guest, Host: "shop", ChannelMax: 2047, FrameMax: 131072, Heartbeat: 10,
			Properties: wire.Table{
				{Name: "product", Value: wire.String("AMQP 0.9.1 Client")},
				{Name: "platform", Value: wire.String("golang")},
				{Name: "version", Value: wire.String("1.16.0")},
				{Name: "capabilities", Value: wire.Table{{Name: "basic.nack", Value: wire.Bool(true)}}},
			},
		}}},
	}
}

func shop() vhost.Snapshot {
	return vhost.Snapshot{
		Name: "shop",
		Exchanges: []vhost.ExchangeView{
			{Exchange: routing.Exchange{Name: "", Kind: routing.Direct, Durable: true}},
			{Exchange: routing.Exchange{Name: "orders", Kind: routing.Topic, Durable: true,
				Arguments: wire.Table{{Name: "alternate-exchange", Value: wire.String("un")}}}, PublishedIn: 4, PublishedOut: 3},
			{Exchange: routing.Exchange{Name: "un", Kind: routing.Fanout, AutoDelete: true}},
		},
		Queues: []vhost.QueueView{
			{Name: "q.classic", Kind: classic, Durable: true, Ready: 2, Unacked: 1, Bytes: 30, Consumers: 1,
				Arguments: wire.Table{{Name: "x-max-length", Value: wire.Int64(10)}, {Name: "x-message-ttl", Value: wire.Int32(60000)}},
				Published: 3, Delivered: 2, Redelivered: 1},
			{Name: "q.ex", Kind: classic, Exclusive: true, Owner: peer, Consumers: 1},
			{Name: "q.quorum", Kind: quorum, Durable: true, Arguments: wire.Table{{Name: "x-queue-type", Value: wire.String(quorum)}}},
			{Name: "q.stream", Kind: stream, Durable: true, Arguments: wire.Table{{Name: "x-queue-type", Value: wire.String(stream)}}},
		},
		Bindings: []routing.Binding{
			{Source: "orders", Destination: "q.classic", Key: "order.*"},
			{Source: "orders", Destination: "un", ToExchange: true, Key: "x.#"},
		},
		Carried: []uint64{2, 1},
		Consumers: []vhost.ConsumerView{
			{Tag: "tag1", Queue: "q.classic", Connection: peer, Channel: 1, Active: true, Prefetch: 5, Unacked: 1},
			{Tag: "tag2", Queue: "q.ex", Connection: peer, Channel: 1, NoAck: true, Exclusive: true,
				Arguments: wire.Table{{Name: "x-priority", Value: wire.Int32(3)}}},
		},
		Channels: []vhost.ChannelView{{Connection: peer, User: "guest", Number: 1, Prefetch: 5, Consumers: 2, Unacked: 1, Published: 4}},
	}
}

func (f *fake) Version() version.Version { return f.version }
func (f *fake) Now() time.Time           { return began }
func (f *fake) Alarm() string            { return f.alarm }

func (f *fake) Login(name, password, _ string) (broker.User, bool) {
	u, ok := f.User(name)
	return u, ok && u.Password == password && password != ""
}

func (f *fake) User(name string) (broker.User, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok := f.users[name]
	return u, ok
}

func (f *fake) Users() []broker.User {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []broker.User
	for _, u := range f.users {
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b broker.User) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (f *fake) PutUser(u broker.User) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users[u.Name] = u
}

func (f *fake) DeleteUser(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.users[name]
	delete(f.users, name)
	return ok
}

func (f *fake) Hosts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for name := range f.hosts {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func (f *fake) PutHost(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hosts[name] = vhost.Snapshot{Name: name}
}

func (f *fake) DeleteHost(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.hosts[name]
	delete(f.hosts, name)
	return ok
}

func (f *fake) Snapshot(name string) (vhost.Snapshot, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.hosts[name]
	return s, ok
}

func (f *fake) Counts(name string) (vhost.Counts, bool) {
	s, ok := f.Snapshot(name)
	c := vhost.Counts{Exchanges: len(s.Exchanges), Queues: len(s.Queues), Consumers: len(s.Consumers), Channels: len(s.Channels)}
	for _, q := range s.Queues {
		c.Ready += q.Ready
		c.Unacked += q.Unacked
	}
	return c, ok
}

func (f *fake) MayEnter(host, user string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.grants[[2]string{host, user}]
	return ok
}

func (f *fake) Grants() []broker.Grant {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []broker.Grant
	for who, p := range f.grants {
		all = append(all, broker.Grant{Host: who[0], User: who[1], Permissions: p})
	}
	slices.SortFunc(all, func(a, b broker.Grant) int { return strings.Compare(a.Host+a.User, b.Host+b.User) })
	return all
}

func (f *fake) PutPermissions(host, user string, p broker.Permissions) error {
	for _, expression := range []string{p.Configure, p.Write, p.Read} {
		if _, err := regexp.Compile(expression); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.hosts[host]; !ok {
		return errors.New("no such host")
	}
	f.grants[[2]string{host, user}] = p
	return nil
}

func (f *fake) DeletePermissions(host, user string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.grants[[2]string{host, user}]
	delete(f.grants, [2]string{host, user})
	return ok
}

func (f *fake) Connections() []*broker.Connection { return f.conns }

func (f *fake) CloseConnection(name, reason string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed[name] = reason
	return true
}
