package record_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/journal/record"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// memory is what a broker makes of records, in a form that can be compared. It takes things as strictly as the broker does:
// permissions need a user and a host, bindings need both ends.
type memory struct {
	decoder record.Decoder
	users   map[string]string
	grants  map[string]string
	hosts   map[string]*memoryHost
	closed  bool
}

type memoryHost struct {
	exchanges map[string]bool
	bindings  map[string]bool
	queues    map[string][]held
}

type held struct {
	id, failed, fetched    int
	redelivered, delivered bool
	body                   string
}

func newMemory() *memory {
	return &memory{users: make(map[string]string), grants: make(map[string]string), hosts: make(map[string]*memoryHost)}
}

func (m *memory) add(t require.TestingT, payload []byte) {
	e, change, err := m.decoder.Decode(payload)
	require.NoError(t, err)
	switch {
	case change != nil:
		m.change(t, change)
	case e != nil && m.hosts[e.Host] != nil:
		m.hosts[e.Host].event(e)
	}
}

func (m *memory) change(t require.TestingT, r *broker.Record) {
	key := r.Host + " " + r.User.Name
	switch r.Kind {
	case broker.HostPut:
		if m.hosts[r.Host] == nil {
			m.hosts[r.Host] = &memoryHost{make(map[string]bool), make(map[string]bool), make(map[string][]held)}
		}
	case broker.HostDeleted:
		delete(m.hosts, r.Host)
		for user := range m.users {
			delete(m.grants, r.Host+" "+user)
		}
	case broker.UserPut:
		m.users[r.User.Name] = r.User.Password
	case broker.UserDeleted:
		delete(m.users, r.User.Name)
		for host := range m.hosts {
			delete(m.grants, host+" "+r.User.Name)
		}
	case broker.PermissionsPut:
		require.Contains(t, m.users, r.User.Name)
		require.Contains(t, m.hosts, r.Host)
		m.grants[key] = r.Permissions.Read
	case broker.PermissionsDeleted:
		delete(m.grants, key)
	case broker.Opened, broker.Closed:
		m.closed = r.Kind == broker.Closed
	}
}

func (h *memoryHost) event(e *vhost.Event) {
	at := slices.IndexFunc(h.queues[e.Queue], func(m held) bool { return m.id == int(e.ID) })
	switch e.Kind {
	case vhost.ExchangeDeclared:
		h.exchanges[e.Exchange.Name] = true
	case vhost.ExchangeDeleted:
		delete(h.exchanges, e.Exchange.Name)
	case vhost.Bound:
		if _, ok := h.queues[e.Binding.Destination]; ok && h.exchanges[e.Binding.Source] {
			h.bindings[e.Binding.Identity()] = true
		}
	case vhost.Unbound:
		delete(h.bindings, e.Binding.Identity())
	case vhost.QueueDeclared:
		h.queues[e.Queue] = []held{}
	case vhost.QueueDeleted:
		delete(h.queues, e.Queue)
	case vhost.Doubted:
		for i := range h.queues[e.Queue] {
			h.queues[e.Queue][i].redelivered = true
		}
	case vhost.Stored:
		if h.queues[e.Queue] != nil {
			h.queues[e.Queue] = append(h.queues[e.Queue], held{id: int(e.ID), body: string(e.Message.Body), redelivered: e.Redelivered,
				failed: int(e.DeliveryCount), fetched: int(e.AcquiredCount)})
		}
	default:
		if at >= 0 {
			h.queues[e.Queue] = happened(h.queues[e.Queue], at, e)
		}
	}
}

func happened(q []held, at int, e *vhost.Event) []held {
	switch e.Kind {
	case vhost.Removed:
		return slices.Delete(q, at, at+1)
	case vhost.Delivered:
		q[at].delivered = true
	case vhost.Requeued:
		q[at].delivered, q[at].redelivered = false, true
		q[at].failed += int(e.DeliveryCount)
		q[at].fetched++
	}
	return q
}

// history is records as a broker would make them.
type history struct {
	rt      *rapid.T
	records [][]byte
	state   *memory
	next    uint64
	last    *message.Message
}

func (h *history) change(r *broker.Record) {
	data, err := record.AppendRecord(nil, r)
	require.NoError(h.rt, err)
	h.add(data)
}

func (h *history) event(e *vhost.Event) {
	if e.Message != nil && e.Message != h.last {
		h.add(message1(h.rt, e.Message))
		h.last = e.Message
	}
	h.add(event(h.rt, e))
}

func (h *history) add(data []byte) {
	if len(data) == 0 {
		return
	}
	h.records = append(h.records, data)
	h.state.add(h.rt, data)
}

func (h *history) step() {
	host := rapid.SampledFrom([]string{"/", "v"}).Draw(h.rt, "host")
	user := rapid.SampledFrom([]string{"a", "b"}).Draw(h.rt, "user")
	queue := rapid.SampledFrom([]string{"p", "q"}).Draw(h.rt, "queue")
	e := &vhost.Event{Host: host, Queue: queue}
	e.Kind = vhost.EventKind(rapid.IntRange(1, int(vhost.Doubted)).Draw(h.rt, "kind"))
	e.Exchange = routing.Exchange{Name: "x", Kind: routing.Direct}
	e.Binding = routing.Binding{Source: "x", Destination: queue}
	e.Declare = &wire.QueueDeclare{Queue: queue}
	there := h.state.hosts[host]
	switch k := rapid.IntRange(0, 30).Draw(h.rt, "what"); {
	case k == 0 && there != nil && h.next%3 == 0:
		h.change(&broker.Record{Kind: broker.HostDeleted, Host: host})
	case k == 1:
		h.change(&broker.Record{Kind: broker.UserDeleted, User: broker.User{Name: user}})
	case k <= 3:
		h.change(&broker.Record{Kind: broker.HostPut, Host: host})
	case k <= 5:
		h.change(&broker.Record{Kind: broker.UserPut, User: broker.User{Name: user, Password: fmt.Sprint(len(h.records))}})
	case k == 6:
		h.change(&broker.Record{Kind: broker.PermissionsDeleted, Host: host, User: broker.User{Name: user}})
	case k == 9:
		h.change(&broker.Record{Kind: rapid.SampledFrom([]broker.RecordKind{broker.Opened, broker.Closed}).Draw(h.rt, "life")})
	case k <= 8:
		if _, ok := h.state.users[user]; ok && there != nil {
			h.change(&broker.Record{Kind: broker.PermissionsPut, Host: host, User: broker.User{Name: user},
				Permissions: broker.Permissions{Read: fmt.Sprint(len(h.records))}})
		}
	case e.Kind == vhost.Stored:
		h.next++
		e.ID, e.Message = h.next, h.last
		if h.last == nil || k%2 == 0 {
			e.Message = &message.Message{Body: fmt.Append(nil, "body ", h.next)}
		}
		h.event(e)
	case e.Kind == vhost.ExchangeDeleted || e.Kind == vhost.QueueDeleted:
		h.end(e, there)
	default:
		e.ID = h.next + 1 // a message that the journal does not know
		if there != nil && len(there.queues[queue]) > 0 {
			e.ID = uint64(rapid.SampledFrom(there.queues[queue]).Draw(h.rt, "message").id)
		}
		h.event(e)
	}
}

// end tells the end of the thing's bindings too.
func (h *history) end(e *vhost.Event, there *memoryHost) {
	h.event(e)
	for _, queue := range []string{"p", "q"} {
		if e.Kind == vhost.ExchangeDeleted || queue == e.Queue {
			h.event(&vhost.Event{Kind: vhost.Unbound, Host: e.Host, Binding: routing.Binding{Source: "x", Destination: queue}})
		}
	}
}

// fold leaves out of records what a Fold does not need.
func fold(t require.TestingT, records [][]byte) (short [][]byte) {
	f := record.NewFold()
	for n, r := range records {
		require.NoError(t, f.Add(n, r))
	}
	live := slices.Compact(slices.Sorted(f.Live()))
	for _, n := range live {
		short = append(short, f.Rewrite(n, records[n]))
	}
	return short
}

func replayed(t require.TestingT, records [][]byte) *memory {
	m := newMemory()
	for _, r := range records {
		m.add(t, r)
	}
	m.decoder = record.Decoder{}
	return m
}

// Wherever a log is cut, folding what is before the cut changes nothing: not for what follows either.
func TestFoldedLogMeansTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := &history{rt: rt, state: newMemory()}
		for range rapid.IntRange(0, 150).Draw(rt, "steps") {
			h.step()
		}
		cut := rapid.IntRange(0, len(h.records)).Draw(rt, "cut")
		short := append(fold(rt, h.records[:cut]), h.records[cut:]...)
		require.Equal(rt, replayed(rt, h.records), replayed(rt, short))
		require.Equal(rt, replayed(rt, h.records), replayed(rt, fold(rt, short)), "folded twice")
	})
}

func TestFoldForgetsWhatWasConsumed(t *testing.T) {
	records := [][]byte{}
	data, err := record.AppendRecord(nil, &broker.Record{Kind: broker.HostPut, Host: "/"})
	require.NoError(t, err)
	records = append(records, data, event(t, &vhost.Event{Kind: vhost.QueueDeclared, Host: "/", Queue: "q", Declare: &wire.QueueDeclare{Queue: "q"}}))
	for id := range uint64(1000) {
		records = append(records, message1(t, full))
		for _, k := range []vhost.EventKind{vhost.Stored, vhost.Delivered, vhost.Requeued, vhost.Delivered, vhost.Removed} {
			records = append(records, event(t, &vhost.Event{Kind: k, Host: "/", Queue: "q", ID: id}))
		}
	}
	require.Len(t, fold(t, records), 3, "the host, the queue, and the last message, which another queue might store yet")
}
