package queue

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"

	"warren.example/workshop/minirabbit/internal/message"
)

// Restart does what a crash or a restart of the node does to the queue: its consumers are gone, what they had comes back, and
// a classic queue loses its transient messages. It returns what a quorum queue doesn't take back (Requeue). A queue that isn't
// durable doesn't survive at all; that is the caller's.
func (q *Queue) Restart(now time.Time) []Dead {
	held := slices.SortedFunc(maps.Values(q.unacked), func(x, y *entry) int { return cmp.Compare(x.id, y.id) })
	ids := make([]ID, len(held))
	for i, e := range held {
		ids[i] = e.id
	}
	dead := q.Leave(now, q.Consumers(), ids)
	q.used, q.publishers = false, publishers{}
	if q.settings.Kind == Classic {
		kept := backlog{}
		for e := range q.ready.all() {
			if e.message.Persistent() {
				kept.push(e)
			}
		}
		q.ready = kept
	}
	return dead
}

// Doubt does what an end without good order does to the messages of a classic queue: RabbitMQ doesn't know any more which of
// them it delivered, and says redelivered of all. It is for after Restart.
func (q *Queue) Doubt() {
	if q.settings.Kind != Classic {
		return
	}
	for e := range q.ready.all() {
		e.redelivered = true
	}
}

// Record is a message as a journal keeps it.
type Record struct {
	ID          ID
	Message     *message.Message
	Redelivered bool
	Unacked     bool
	// DeliveryCount and AcquiredCount are how often it came back: as a failed delivery of a quorum queue, and at all.
	DeliveryCount, AcquiredCount int64
	Expiry                       time.Time // zero: never
	Stored                       time.Time // of a stream's message
}

// Records yields what the queue has, in the order in which Restore wants it: the unacknowledged messages where they would be if
// they came back. The queue must not change meanwhile.
func (q *Queue) Records() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		if q.settings.Kind == Stream {
			q.log.records(yield)
			return
		}
		first := slices.Collect(maps.Values(q.unacked))
		if q.settings.Kind == Classic {
			first = append(first, q.ready.aged...)
		}
		slices.SortFunc(first, func(x, y *entry) int { return cmp.Compare(x.id, y.id) })
		for _, e := range first {
			if !yield(e.record(q.unacked[e.id] != nil)) {
				return
			}
		}
		for e := range q.ready.unaged() {
			if !yield(e.record(false)) {
				return
			}
		}
	}
}

func (e *entry) record(unacked bool) Record {
	return Record{ID: e.id, Message: e.message, Redelivered: e.redelivered, Unacked: unacked, DeliveryCount: e.failures,
		AcquiredCount: e.returns, Expiry: e.expiry}
}

func (l *log) records(yield func(Record) bool) {
	for _, s := range l.segments {
		for i, m := range s.messages {
			if !yield(Record{ID: ID(s.first + int64(i)), Message: m.message, Stored: m.at}) {
				return
			}
		}
	}
}

// Restore puts a message at the end of the queue, whatever the limits say. It is for a queue that is built anew from the
// Records of another, or from messages in the order of their IDs, those of a quorum queue that came back where they came back.
// What was unacknowledged is nobody's: Restart, which is to follow, gives it back. New messages get higher IDs than all
// restored ones.
func (q *Queue) Restore(r Record) {
	if q.settings.Kind == Stream {
		q.log.restore(r)
		return
	}
	q.last = max(q.last, r.ID)
	e := &entry{
		id: r.ID, message: r.Message, expiry: r.Expiry, redelivered: r.Redelivered, failures: r.DeliveryCount, returns: r.AcquiredCount,
	}
	switch {
	case r.Unacked:
		q.hold(e, nil, 0)
		q.lingering++
	case e.returns > 0 && q.settings.Kind == Classic:
		q.ready.pushAged(e)
	case e.returns > 0 && q.settings.DeliveryLimit >= 0:
		q.ready.pushBack(e)
	default:
		q.ready.push(e)
	}
}

func (l *log) restore(r Record) {
	if l.count == 0 {
		l.next = int64(r.ID)
		l.segments = []*segment{{first: l.next}}
	}
	l.lastTime = r.Stored
	l.append(r.Stored, r.Message)
}
