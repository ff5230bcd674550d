package queue

import (
	"cmp"
	"slices"
	"time"

	"warren.example/workshop/minirabbit/internal/fault"
)

// AddConsumer lets c consume. Its errors: 403 if a classic queue is in exclusive use, or would be; 540 for what quorum queues
// and streams don't do; 406 for a stream without a prefetch.
func (q *Queue) AddConsumer(now time.Time, c *Consumer) *fault.Error {
	if err := q.checkConsume(c); err != nil {
		return err
	}
	q.seats++
	c.queue, c.kind, c.seat = q, q.settings.Kind, q.seats
	q.members = append(q.members, c)
	q.used = true
	switch {
	case q.settings.Kind == Stream:
		c.cursor = q.log.start(now, c.Offset)
	case q.single(Quorum):
		q.queueUp(c)
		q.hand()
		return nil
	case q.settings.Kind == Classic && c.Exclusive:
		q.exclusive = c
	}
	q.Wake(c)
	if q.single(Classic) && q.active == nil {
		q.active = c
	}
	return nil
}

// Cancel stops the consumer. What it has not acknowledged stays with its channel. It does nothing if c doesn't consume from q.
//
// If it was the single active consumer, the next one takes its place at once, although the first may still work on messages;
// in a classic queue of 3.10 it gets nothing until something else happens, and at the latest when the channel of the first
// closes. Then stalled is true, and Leave is to be called for that channel, even if it holds nothing any more.
func (q *Queue) Cancel(now time.Time, c *Consumer) (stalled bool) {
	if c.queue != q {
		return false
	}
	if q.single(Classic) && q.active == c {
		q.stalled = !q.version.CancelHandsOver()
	}
	q.remove(now, c)
	q.hand()
	return q.stalled
}

// remove forgets c, but for the messages that it holds.
func (q *Queue) remove(now time.Time, c *Consumer) {
	if c.queue != q {
		return
	}
	i, _ := slices.BinarySearchFunc(q.members, c.seat, func(m *Consumer, seat uint64) int { return cmp.Compare(m.seat, seat) })
	q.members = slices.Delete(q.members, i, i+1)
	q.turns.leave(c)
	q.parked.remove(c)
	c.queue, c.yields = nil, false
	if q.settings.Kind == Quorum && c.unacked > 0 {
		q.lingering++
	}
	q.touch(now)
	if q.exclusive == c {
		q.exclusive = nil
	}
	if i := slices.Index(q.waiting, c); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	if q.active == c {
		q.active = nil
		if q.settings.Kind == Classic {
			q.active = q.turns.front()
		}
	}
}

// queueUp puts c among those that wait to be the single active consumer of a quorum queue: before 4.0 behind the others, since
// then by priority, credit and age.
func (q *Queue) queueUp(c *Consumer) {
	q.waiting = append(q.waiting, c)
	if q.version.SingleActivePriority() {
		slices.SortStableFunc(q.waiting, func(x, y *Consumer) int {
			return cmp.Or(cmp.Compare(y.Priority, x.Priority), cmp.Compare(y.credit(), x.credit()), cmp.Compare(x.seat, y.seat))
		})
	}
}

// hand chooses the single active consumer of a quorum queue anew. Since 4.0 one of higher priority takes over as soon as the
// active one has nothing left unacknowledged; until then that one gets no more.
func (q *Queue) hand() {
	if !q.single(Quorum) || len(q.waiting) == 0 {
		return
	}
	next, active := q.waiting[0], q.active
	if active != nil {
		if !q.version.SingleActivePriority() || next.Priority <= active.Priority {
			return
		}
		if active.unacked > 0 {
			active.yields = true
			return
		}
	}
	q.waiting = slices.Delete(q.waiting, 0, 1)
	q.active = next
	if active != nil {
		active.yields = false
		q.queueUp(active)
	}
}

// Consumers returns those that consume, in the order in which they came.
func (q *Queue) Consumers() []*Consumer { return slices.Clone(q.members) }

// ConsumerCount is the number of consumers as RabbitMQ tells it in queue.declare-ok. A quorum queue counts also cancelled ones
// that still have something unacknowledged, and messages that were got and not acknowledged, but not those that wait to be its
// single active consumer; a stream counts none.
func (q *Queue) ConsumerCount() int {
	switch q.settings.Kind {
	case Quorum:
		return len(q.members) - len(q.waiting) + q.lingering
	case Stream:
		return 0
	}
	return len(q.members)
}
