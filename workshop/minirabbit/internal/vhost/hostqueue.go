package vhost

import (
	"strconv"
	"time"

	"warren.example/workshop/minirabbit/internal/clock"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/queue"
)

// hostQueue is a queue in its host: package queue's part, and what only the host knows of it.
type hostQueue struct {
	*queue.Queue
	host    *Host
	name    string
	owner   *Conn  // of an exclusive queue
	node    string // where its leader is
	deleted bool   // channels may still hold deliveries from it
	dirty   bool   // in host.dirty

	timer *clock.Timer // for message TTL and x-expires
	armed time.Time    // when the timer rings; zero: not set

	held []grave      // at-least-once: dead messages that no queue has taken yet
	wait *clock.Timer // for the next try to get rid of them

	oldest queue.ID // of a stream: what the journal has begins here

	published, delivered, redelivered, acked uint64
}

func newHostQueue(h *Host, s queue.Settings) *hostQueue {
	return &hostQueue{Queue: queue.New(h.version, s, h.now), host: h, name: s.Name}
}

// touch notes that something changed in the queue: there may be something to deliver, or to expire.
func (q *hostQueue) touch() {
	if !q.dirty && !q.deleted {
		q.dirty = true
		q.host.dirty = append(q.host.dirty, q)
	}
}

// take puts a message of a publisher into the queue: see queue.Queue.Publish. It returns the number of the event that the
// journal has to have on disk for the message to be safe, 0 if there is none, and false if the queue refused the message.
func (q *hostQueue) take(m *message.Message, from any) (stored uint64, taken bool) {
	id, dead, refused := q.Publish(q.host.now, m, from)
	q.lose(dead)
	if refused {
		return 0, false
	}
	q.published++
	if q.keeps(m) {
		q.noteRetention()
		e := &Event{Kind: Stored, Queue: q.name, ID: uint64(id), Message: m, StoredAt: q.host.now, Expiry: q.expiry(m)}
		if m.Failures > 0 && q.Settings().Kind == queue.Quorum {
			e.DeliveryCount, e.Redelivered = m.Failures, true
		}
		stored = q.host.append(e)
	}
	q.touch()
	return stored, true
}

// expiry is when the message expires in the queue: the earlier of what the queue and the message say
// (rabbitmq.com/docs/ttl). Zero is never.
func (q *hostQueue) expiry(m *message.Message) time.Time {
	ttl := q.Settings().MessageTTL
	if text := m.Properties.Expiration; text != nil {
		ms, err := strconv.ParseInt(*text, 10, 64) // it was checked when the message was published
		if own := time.Duration(ms) * time.Millisecond; err == nil && (ttl == nil || own < *ttl) {
			ttl = &own
		}
	}
	if ttl == nil || q.Settings().Kind == queue.Stream {
		return time.Time{}
	}
	return q.host.now.Add(*ttl)
}

// keeps tells whether the journal keeps the message if it is in the queue.
func (q *hostQueue) keeps(m *message.Message) bool {
	if q.host.config.Journal == nil {
		return false
	}
	s := q.Settings()
	return s.Durable && (s.Kind != queue.Classic || m.Persistent())
}

// pump gives out what can be given out, and sets the timer for what comes next.
func (q *hostQueue) pump() {
	q.dirty = false
	if q.deleted {
		return
	}
	now := q.host.now
	if at, ok := q.ExpiresAt(); ok && !now.Before(at) {
		q.host.remove(q)
		return
	}
	for {
		d, dead, ok := q.Next(now)
		q.lose(dead)
		if !ok {
			break
		}
		d.Consumer.Owner.(*consumer).deliver(d.Entry)
	}
	q.arm()
}

// arm sets the timer, unless it rings early enough.
func (q *hostQueue) arm() {
	next, ok := q.NextExpiry()
	if at, expires := q.ExpiresAt(); expires && (!ok || at.Before(next)) {
		next, ok = at, true
	}
	if !ok || (!q.armed.IsZero() && !next.Before(q.armed)) {
		return
	}
	q.armed = next
	d := max(0, next.Sub(q.host.now))
	q.timer = q.host.after(q.timer, d, q.ring)
}

// ring is called by the clock.
func (q *hostQueue) ring() {
	q.host.enter()
	defer q.host.leave()
	q.armed = time.Time{}
	q.touch()
}

// bury stops what the queue has running. It is out of the host's lists already.
func (q *hostQueue) bury() {
	q.deleted = true
	q.held = nil
	for _, t := range []*clock.Timer{q.timer, q.wait} {
		if t != nil {
			t.Stop()
		}
	}
}
