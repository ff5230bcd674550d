package queue

import (
	"time"

	"warren.example/workshop/minirabbit/internal/message"
)

// expiry is when the message expires: the queue's limit or its own, whichever is sooner. Zero: never.
// rabbitmq.com/docs/ttl.
func (q *Queue) expiry(now time.Time, m *message.Message) time.Time {
	limit, limited := ttl(m.Properties.Expiration)
	if d := q.settings.MessageTTL; d != nil && (!limited || *d < limit) {
		limit, limited = *d, true
	}
	switch {
	case !limited:
		return time.Time{}
	case limit == 0 && q.settings.Kind == Quorum:
		limit = time.Millisecond // a quorum queue counts in these, and gives it the one in which it came
	}
	return now.Add(limit)
}

// expire removes messages from the head as long as they are expired. With due false one whose time is right now stays: it was
// published for a consumer that waits already.
func (q *Queue) expire(now time.Time, due bool, dead []Dead) []Dead {
	for {
		e := q.ready.head()
		if e == nil || e.expiry.IsZero() || now.Before(e.expiry) || !due && now.Equal(e.expiry) {
			return dead
		}
		q.ready.pop()
		dead = append(dead, q.dead(e, Expired))
	}
}

// NextExpiry is when the message at the head expires: then Next is to be called. It returns false if it doesn't.
func (q *Queue) NextExpiry() (time.Time, bool) {
	e := q.ready.head()
	if e == nil || e.expiry.IsZero() {
		return time.Time{}, false
	}
	return e.expiry, true
}

// refuses tells whether the queue has no room for m.
func (q *Queue) refuses(m *message.Message, from any) bool {
	switch {
	case q.settings.Overflow == DropHead:
		return false
	case q.settings.Kind == Quorum:
		return q.publishers.refuses(from, q.over(q.load()))
	}
	return q.over(q.ready.len()+1, q.ready.bytes+int64(m.Size()))
}

func (q *Queue) over(count int, bytes int64) bool {
	s := &q.settings
	return s.MaxLength != nil && int64(count) > *s.MaxLength || s.MaxBytes != nil && bytes > *s.MaxBytes
}

// overflow drops from the head what is too much, or decides whom a quorum queue refuses.
func (q *Queue) overflow(dead []Dead) []Dead {
	if q.settings.Overflow == DropHead {
		for q.ready.len() > 0 && q.over(q.ready.len(), q.ready.bytes) {
			dead = append(dead, q.dead(q.ready.pop(), TooMany))
		}
		return dead
	}
	if q.settings.Kind == Quorum {
		switch {
		case q.over(q.load()):
			q.publishers.refuseAll()
		case q.roomAgain():
			q.publishers.refuseNobody()
		}
	}
	return dead
}

// load is what a quorum queue has that counts: ready messages, and dead ones that wait for a queue that takes them.
func (q *Queue) load() (count int, bytes int64) {
	return q.ready.len() + q.deadWaiting, q.ready.bytes + q.deadBytes
}

// DeadWait says that so many dead messages more, or less if it is below zero, wait for a queue that takes them, with so many bytes.
// They take room (rabbit_fifo).
func (q *Queue) DeadWait(count int, bytes int64) {
	q.deadWaiting += count
	q.deadBytes += bytes
}

// roomAgain tells whether a quorum queue is down to 80 percent of what it may have.
func (q *Queue) roomAgain() bool {
	below := func(limit *int64, n int64) bool { return limit == nil || n <= int64(float64(*limit)*0.8) }
	count, bytes := q.load()
	return below(q.settings.MaxLength, int64(count)) && below(q.settings.MaxBytes, bytes)
}

// Touch says that the queue was declared again, passively or not: the time of x-expires begins anew. Quorum queues don't count
// that as use.
func (q *Queue) Touch(now time.Time) {
	if q.settings.Kind != Quorum {
		q.touch(now)
	}
}

func (q *Queue) touch(now time.Time) {
	if now.After(q.lastUsed) {
		q.lastUsed = now
	}
}

// ExpiresAt is when the queue is to be deleted because nobody uses it. It returns false while it has consumers, and if it has
// no x-expires.
func (q *Queue) ExpiresAt() (time.Time, bool) {
	if q.settings.Expires == nil || q.ConsumerCount() > 0 {
		return time.Time{}, false
	}
	return q.lastUsed.Add(*q.settings.Expires), true
}

// Abandoned tells whether an auto-delete queue is to be deleted: it had a consumer and has none any more.
func (q *Queue) Abandoned() bool {
	return q.settings.AutoDelete && q.used && len(q.members) == 0
}
