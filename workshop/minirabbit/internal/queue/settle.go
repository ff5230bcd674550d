package queue

import (
	"cmp"
	"slices"
	"time"
)

// Ack removes delivered messages for good and gives credit back to their consumers. In a stream only the latter. IDs that
// aren't unacknowledged don't matter.
func (q *Queue) Ack(now time.Time, ids ...ID) {
	for _, id := range ids {
		if e := q.unacked[id]; e != nil {
			q.release(now, e)
		}
	}
	q.hand()
}

// Discard removes messages that were rejected without requeue, or nacked so, and returns them in the order of ids. In a
// stream it is Ack (see CheckReturn).
func (q *Queue) Discard(now time.Time, ids ...ID) []Dead {
	if q.settings.Kind == Stream {
		q.Ack(now, ids...)
		return nil
	}
	var dead []Dead
	for _, id := range ids {
		if e := q.unacked[id]; e != nil {
			q.release(now, e)
			dead = append(dead, q.dead(e, Rejected))
		}
	}
	q.hand()
	return dead
}

// Requeue makes delivered messages ready again, marked as redelivered. It returns those that a quorum queue doesn't take back
// because its delivery limit is reached, and those that a classic queue drops since it is too long now or their time is over.
// In a stream it is Ack (see CheckReturn).
//
// In a classic queue they are where they were. In a quorum queue they come before all that were never delivered, in the order
// of ids, behind those that came back before; without a delivery limit they go to the end, but one that is rejected keeps
// coming first since 4.3 (rabbit_fifo).
func (q *Queue) Requeue(now time.Time, why Return, ids ...ID) []Dead {
	if q.settings.Kind == Stream {
		q.Ack(now, ids...)
		return nil
	}
	var dead []Dead
	for _, id := range ids {
		if e := q.unacked[id]; e != nil {
			dead = q.giveBack(now, e, why, dead)
		}
	}
	dead = q.tidy(now, dead)
	q.stalled = false
	q.hand()
	return dead
}

// tidy drops what is too much and what expired, before anybody gets what came back. A quorum queue delivers first.
func (q *Queue) tidy(now time.Time, dead []Dead) []Dead {
	if q.settings.Kind != Classic {
		return dead
	}
	return q.expire(now, true, q.overflow(dead))
}

func (q *Queue) giveBack(now time.Time, e *entry, why Return, dead []Dead) []Dead {
	q.release(now, e)
	e.redelivered = true
	e.returns++
	if q.settings.Kind == Classic {
		q.ready.pushAged(e)
		return dead
	}
	if q.version.Fails(why == RejectedBack, why == Lost) {
		e.failures++
	}
	count := e.returns
	if !q.version.NackCounts() {
		count = e.failures
	}
	limit := q.settings.DeliveryLimit
	switch {
	case limit >= 0 && count > int64(limit):
		return append(dead, q.dead(e, DeliveredTooOften))
	case limit < 0 && (why == Nacked || why == RejectedBack && q.version.NackCounts()):
		q.ready.push(e)
	default:
		q.ready.pushBack(e)
	}
	return dead
}

// release takes e from whoever has it.
func (q *Queue) release(now time.Time, e *entry) {
	delete(q.unacked, e.id)
	q.unackedBytes -= int64(e.message.Size())
	c := e.holder
	e.holder = nil
	if c == nil {
		q.lingering--
		return
	}
	c.unacked--
	switch {
	case c.queue == nil && c.unacked == 0 && q.settings.Kind == Quorum:
		q.lingering--
		q.touch(now)
	case c.queue != nil:
		q.Wake(c)
	}
}

// Wake says that the consumer may be ready for a message again. It gets a turn, behind the others. So do those of its channel
// whose turn it was while the channel could take nothing, in the order in which they missed it.
func (q *Queue) Wake(c *Consumer) {
	if c.queue != q {
		return
	}
	q.stalled = false
	for _, other := range q.parked.take(c) {
		q.join(other)
	}
	q.join(c)
}

// join gives c a turn, unless it has one or can take nothing.
func (q *Queue) join(c *Consumer) {
	if c.list == nil && c.credit() > 0 && (q.log == nil || c.cursor < q.log.next) && !q.single(Quorum) {
		q.turns.join(c)
	}
}

// single tells whether the queue is of the kind and has a single active consumer.
func (q *Queue) single(k Kind) bool { return q.settings.SingleActive && q.settings.Kind == k }

// Leave says that a channel closed: its consumers go, and the messages that it didn't acknowledge come back, ids in the order
// of their delivery. It is as a Requeue that counts as a failed delivery, and quorum queues never put them at the end.
func (q *Queue) Leave(now time.Time, consumers []*Consumer, ids []ID) []Dead {
	var held []*entry
	for _, id := range ids {
		if e := q.unacked[id]; e != nil {
			held = append(held, e)
		}
	}
	if q.settings.Kind == Quorum {
		slices.SortStableFunc(held, func(x, y *entry) int { return cmp.Compare(x.seat, y.seat) })
	}
	for _, c := range consumers {
		q.remove(now, c)
	}
	var dead []Dead
	for _, e := range held {
		if q.settings.Kind == Stream {
			q.release(now, e)
			continue
		}
		dead = q.giveBack(now, e, Lost, dead)
	}
	dead = q.tidy(now, dead)
	q.stalled = false
	q.touch(now)
	q.hand()
	return dead
}
