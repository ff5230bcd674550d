package queue

import (
	"time"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/version"
)

// Queue is one queue. Make it with New. It is not safe for several goroutines.
type Queue struct {
	version  version.Version
	settings Settings

	last         ID // given to a message
	ready        backlog
	unacked      map[ID]*entry
	unackedBytes int64
	publishers   publishers
	stalled      bool // a classic queue of 3.10 whose next single active consumer waits for something to happen
	deadWaiting  int  // see DeadWait
	deadBytes    int64
	left         []Dead // what Get found expired, for Next to return

	members   []*Consumer // in the order in which they came
	seats     uint64      // given to consumers and gets
	turns     turns
	parked    parked // those whose turn it was while their channel could take nothing
	exclusive *Consumer
	active    *Consumer   // the single active one
	waiting   []*Consumer // of a quorum queue with single active consumer, the next one first
	lingering int         // of a quorum queue: cancelled consumers that still hold messages, and messages got
	used      bool        // it had a consumer
	lastUsed  time.Time

	log *log // of a stream
}

// New returns an empty queue, declared now.
func New(v version.Version, s Settings, now time.Time) *Queue {
	q := &Queue{version: v, settings: s, unacked: map[ID]*entry{}, lastUsed: now}
	if s.Kind == Stream {
		q.log = newLog(&q.settings)
	}
	return q
}

// Settings is how the queue was declared. They must not be changed.
func (q *Queue) Settings() *Settings { return &q.settings }

// Publish takes a message from a publisher, which is any value to tell it from others, until Forget. Nil stands for those that a
// quorum queue never refuses: the at-most-once dead letters of other queues. Refused means that the queue has no room for the
// message: then a publisher that wants confirms gets a basic.nack. If the queue is declared with reject-publish-dlx, a refused
// message is in dead. When a quorum queue refuses says publishers.
func (q *Queue) Publish(now time.Time, m *message.Message, from any) (id ID, dead []Dead, refused bool) {
	if q.settings.Kind == Stream {
		return q.log.publish(now, m, q), nil, false
	}
	if q.refuses(m, from) {
		if q.settings.Overflow == RejectPublishDLX {
			dead = []Dead{{Message: m, Reason: TooMany}}
		}
		return 0, dead, true
	}
	q.last++
	carried := q.carried(m)
	q.ready.push(&entry{id: q.last, message: m, expiry: q.expiry(now, m), failures: carried, redelivered: carried > 0})
	q.stalled = false
	return q.last, nil, false
}

// Next does the next thing that the queue has to do: it delivers a message to the consumer whose turn it is, and then ok is
// true. If there is nothing to deliver, or nobody to deliver to, what is expired or too much leaves the queue, and ok is
// false: until something changes there is nothing to do. Dead messages may come with either.
func (q *Queue) Next(now time.Time) (d Delivery, dead []Dead, ok bool) {
	if q.settings.Kind == Stream {
		d, ok = q.nextOfStream()
		return d, nil, ok
	}
	dead = q.expire(now, q.settings.Kind == Quorum, q.left)
	q.left = nil
	if e := q.ready.head(); e != nil && !q.stalled {
		if c := q.choose(); c != nil {
			q.ready.pop()
			return q.deliver(c, e), dead, true
		}
	}
	dead = q.expire(now, true, q.overflow(dead))
	return Delivery{}, dead, false
}

// choose returns the consumer that gets the next message. Nil: nobody can.
func (q *Queue) choose() *Consumer {
	if q.settings.SingleActive {
		if q.active != nil && !q.active.yields && q.active.able() {
			return q.active
		}
		return nil
	}
	for {
		c := q.turns.front()
		if c == nil || c.able() {
			return c
		}
		q.turns.leave(c)
		if c.credit() > 0 {
			q.parked.push(c)
		}
	}
}

func (q *Queue) deliver(c *Consumer, e *entry) Delivery {
	d := Delivery{c, q.shown(e, false)}
	if !c.NoAck {
		c.unacked++
		q.hold(e, c, c.seat)
	}
	if !q.settings.SingleActive {
		q.turns.leave(c)
		if q.settings.Kind == Classic || c.credit() > 0 {
			q.turns.join(c)
		}
	}
	return d
}

func (q *Queue) hold(e *entry, c *Consumer, seat uint64) {
	e.holder, e.seat = c, seat
	q.unacked[e.id] = e
	q.unackedBytes += int64(e.message.Size())
}

// Get takes the next message for basic.get, and tells how many are ready after that, without those right behind it that are
// expired. Ok is false if there is none. Call Next before, so that what is expired is gone, and after. Streams refuse it with
// 540, quorum queues with a single active consumer with 405.
func (q *Queue) Get(now time.Time, noAck bool) (e Entry, remaining int, ok bool, err *fault.Error) {
	if err := q.checkGet(); err != nil {
		return Entry{}, 0, false, err
	}
	q.touch(now)
	if q.ready.head() == nil {
		return Entry{}, 0, false, nil
	}
	taken := q.ready.pop()
	e = q.shown(taken, true)
	if !noAck {
		q.seats++
		q.hold(taken, nil, q.seats)
		q.lingering++
	}
	q.left = q.expire(now, true, q.left)
	return e, q.ready.len(), true, nil
}

// Purge removes all ready messages, and tells how many. Unacknowledged ones stay. Streams refuse it with 540.
func (q *Queue) Purge() (int, *fault.Error) {
	if q.settings.Kind == Stream {
		return 0, fault.Connection(fault.NotImplemented, "queue.purge not supported by stream queues %s", q.settings.title())
	}
	return q.ready.clear(), nil
}

// Ready is how many messages wait to be delivered; in a stream, how many there are.
func (q *Queue) Ready() int {
	if q.settings.Kind == Stream {
		return q.log.count
	}
	return q.ready.len()
}

// Unacked is how many messages were delivered and not acknowledged. A stream says 0.
func (q *Queue) Unacked() int {
	if q.settings.Kind == Stream {
		return 0
	}
	return len(q.unacked)
}

// Bytes are the sizes of the bodies of ready and of unacknowledged messages.
func (q *Queue) Bytes() (ready, unacked int64) {
	if q.settings.Kind == Stream {
		return q.log.bodies, 0
	}
	return q.ready.bytes, q.unackedBytes
}
