package record

import (
	"iter"
	"maps"
	"slices"
)

// Fold finds out which records must stay, for wal.Options.NewFold. Reading only those, in their order, makes the same of an
// empty broker as reading all.
type Fold struct {
	hosts       map[string]*host
	users       map[string]*user
	permissions map[grant]int
	message     int // the last message; -1 if there was none
	life        int // the last opened or closed; -1 if there was none
	rewritten   map[int]state
}

// Numbers below are those of records.
type (
	host struct {
		put       int
		exchanges map[string]int
		bindings  map[string]int // by identity
		queues    map[string]*queue
	}
	queue struct {
		declared int
		messages map[uint64]*entry
	}
	// entry is a message in a queue.
	entry struct {
		message, stored int
		delivered       int   // -1 if it came back, or never went
		requeued        int   // when it came back last: that says where it is; -1 if it never did
		failed          int64 // what that added to state.failed
		state
	}
	user struct {
		first, last int // the first one makes it known, the last one says what it is
	}
	grant struct{ host, user string }
)

// NewFold returns a fold of no records.
func NewFold() *Fold {
	return &Fold{hosts: make(map[string]*host), users: make(map[string]*user), permissions: make(map[grant]int), message: -1, life: -1}
}

// Add takes the next record.
func (f *Fold) Add(n int, payload []byte) error {
	r := reader{data: payload}
	switch k := r.kind(); k {
	case content:
		f.message = n
		return r.err // its fields don't matter
	case hostPut:
		if name := r.text(); f.hosts[name] == nil {
			f.hosts[name] = &host{put: n, exchanges: make(map[string]int), bindings: make(map[string]int), queues: make(map[string]*queue)}
		}
	case hostDeleted:
		name := r.text()
		delete(f.hosts, name)
		f.revoke(func(g grant) bool { return g.host == name })
	case userPut:
		if name := r.text(); f.users[name] == nil {
			f.users[name] = &user{n, n}
		} else {
			f.users[name].last = n
		}
		return r.err
	case userDeleted:
		name := r.text()
		delete(f.users, name)
		f.revoke(func(g grant) bool { return g.user == name })
	case permissionsPut:
		if change := r.change(k); change != nil {
			f.permissions[grant{change.Host, change.User.Name}] = n
		}
	case opened, closed:
		f.life = n
	case permissionsDeleted:
		delete(f.permissions, grant{host: r.text(), user: r.text()})
	default:
		f.event(n, k, &r)
	}
	return r.finish()
}

func (f *Fold) revoke(which func(grant) bool) {
	for g := range f.permissions {
		if which(g) {
			delete(f.permissions, g)
		}
	}
}

// event takes an event of a virtual host. Of hosts and queues that are not there it takes nothing.
func (f *Fold) event(n int, k kind, r *reader) {
	e := r.event(k)
	h := f.hosts[e.Host]
	if h == nil || r.err != nil {
		return
	}
	switch k {
	case exchangeDeclared:
		if _, ok := h.exchanges[e.Exchange.Name]; !ok {
			h.exchanges[e.Exchange.Name] = n
		}
	case exchangeDeleted:
		delete(h.exchanges, e.Exchange.Name)
	case bound:
		h.bindings[e.Binding.Identity()] = n
	case unbound:
		delete(h.bindings, e.Binding.Identity())
	case queueDeclared:
		declared := n
		if q := h.queues[e.Queue]; q != nil { // bindings may stand between the two
			declared = q.declared
		}
		h.queues[e.Queue] = &queue{declared, make(map[uint64]*entry)}
	case queueDeleted:
		delete(h.queues, e.Queue)
	case doubted:
		if q := h.queues[e.Queue]; q != nil {
			for _, m := range q.messages {
				m.redelivered = true
			}
		}
	default:
		if q := h.queues[e.Queue]; q != nil {
			f.inQueue(q, n, k, e.ID, state{e.Redelivered, e.DeliveryCount, e.AcquiredCount})
		}
	}
}

func (f *Fold) inQueue(q *queue, n int, k kind, id uint64, s state) {
	m := q.messages[id]
	switch {
	case k == stored:
		q.messages[id] = &entry{message: f.message, stored: n, delivered: -1, requeued: -1, state: s}
	case m == nil: // one that is not kept
	case k == removed:
		delete(q.messages, id)
	case k == delivered:
		m.delivered = n
	case k == requeued:
		m.delivered, m.requeued, m.failed = -1, n, s.failed
		m.redelivered = true
		m.state.failed += s.failed
		m.fetched++
	}
}

// before is the state of a message before it came back for the last time.
func (m *entry) before() state {
	s := m.state
	if m.requeued >= 0 {
		s.failed -= m.failed
		s.fetched--
	}
	return s
}

// Live returns the records that must stay, in no order, some of them more than once.
func (f *Fold) Live() iter.Seq[int] {
	var live []int
	if f.message >= 0 { // those who store it may follow
		live = append(live, f.message)
	}
	if f.life >= 0 {
		live = append(live, f.life)
	}
	for _, u := range f.users {
		live = append(live, u.first, u.last)
	}
	live = slices.AppendSeq(live, maps.Values(f.permissions))
	f.rewritten = make(map[int]state)
	for _, h := range f.hosts {
		live = append(live, h.put)
		live = slices.AppendSeq(live, maps.Values(h.exchanges))
		live = slices.AppendSeq(live, maps.Values(h.bindings))
		for _, q := range h.queues {
			live = append(live, q.declared)
			for _, m := range q.messages {
				live = append(live, m.message, m.stored)
				for _, n := range []int{m.requeued, m.delivered} {
					if n >= 0 {
						live = append(live, n)
					}
				}
				f.rewritten[m.stored] = m.before()
			}
		}
	}
	return slices.Values(live)
}

// Rewrite returns a record as it must stay: what happened to a message in its queue, but for the last time that it came back, is put
// into the record that stored it.
func (f *Fold) Rewrite(n int, payload []byte) []byte {
	s, ok := f.rewritten[n]
	if !ok {
		return payload
	}
	r := reader{data: payload}
	e := r.event(r.kind())
	w := writer{}
	w.place(stored, e)
	w.state(s)
	w.time(e.Expiry)
	w.time(e.StoredAt)
	return w.data
}
