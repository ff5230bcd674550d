package vhost

import (
	"time"

	"warren.example/workshop/minirabbit/internal/clock"
	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// consumerTimeout watches that a channel's client answers its deliveries in time
// (rabbitmq.com/docs/consumers#acknowledgement-timeout). RabbitMQ looks once a minute, and so closes up to a minute later.
type consumerTimeout struct {
	timer *clock.Timer
	armed int64 // when it rings, in nanoseconds of Unix time; 0: not set
}

// forEver is longer than anybody waits, and shorter than what a point in time can be away.
const forEver = 99 * 365 * 24 * time.Hour

// start notes when a new delivery is due.
func (t *consumerTimeout) start(ch *Channel, d *delivery) {
	limit := ch.host.limitFor(d)
	if limit < 0 || limit > forEver || !watched(ch.host.version, d) {
		return
	}
	d.due = ch.host.now.Add(limit).UnixNano()
	t.arm(ch, d.due)
}

// watched tells whether the version watches this delivery.
func watched(v version.Version, d *delivery) bool {
	return v.ConsumerTimeout() == version.CloseChannel ||
		(d.consumer != nil && d.queue.Settings().Kind == queue.Quorum)
}

func (t *consumerTimeout) arm(ch *Channel, due int64) {
	if t.armed != 0 && t.armed <= due {
		return
	}
	t.armed = due
	d := max(0, time.Duration(due-ch.host.now.UnixNano()))
	t.timer = ch.host.after(t.timer, d, ch.overdue)
}

// next looks after the delivery that is the oldest now.
func (t *consumerTimeout) next(ch *Channel) {
	if d, ok := ch.unacked.first(); ok && d.due != 0 {
		t.arm(ch, d.due)
	}
}

func (t *consumerTimeout) stop() {
	if t.timer != nil {
		t.timer.Stop()
	}
}

// overdue is called by the clock.
func (ch *Channel) overdue() {
	h := ch.host
	h.enter()
	defer h.leave()
	ch.timeout.armed = 0
	if ch.closed {
		return
	}
	d, ok := ch.watch()
	switch {
	case !ok || d.due == 0:
	case d.due > h.now.UnixNano():
		ch.timeout.arm(ch, d.due)
	case h.version.ConsumerTimeout() == version.CancelQuorumConsumer && ch.conn.info.CancelNotify:
		ch.cancelLate(d.consumer)
		if next, ok := ch.watch(); ok {
			ch.timeout.arm(ch, next.due)
		}
	default:
		ch.fail(tooLate(ch.number, h.usedTimeout(&d)))
	}
}

// watch returns the delivery that is due next. Where the whole channel is to be closed, RabbitMQ looks only at the oldest.
func (ch *Channel) watch() (first delivery, ok bool) {
	if ch.host.version.ConsumerTimeout() == version.CloseChannel {
		return ch.unacked.first()
	}
	for d := range ch.unacked.all() {
		if d.due != 0 && (!ok || d.due < first.due) {
			first, ok = d, true
		}
	}
	return first, ok
}

// limitFor is how long a delivery may be kept: what the consumer says, else the queue, if that is less than what the broker
// says. Negative: for ever.
func (h *Host) limitFor(d *delivery) time.Duration {
	if d.consumer != nil && d.consumer.Timeout != nil {
		return *d.consumer.Timeout
	}
	limit := h.config.ConsumerTimeout
	if own := d.queue.Settings().ConsumerTimeout; own != nil && (limit < 0 || *own < limit) {
		limit = *own
	}
	return limit
}

// usedTimeout is the limit in the text of the error, in milliseconds. 4.3 says -1.
func (h *Host) usedTimeout(d *delivery) int64 {
	if h.version.ConsumerTimeout() == version.CancelQuorumConsumer {
		return -1
	}
	return h.limitFor(d).Milliseconds()
}

func tooLate(channel uint16, used int64) *fault.Error {
	return fault.Channel(fault.PreconditionFailed, "delivery acknowledgement on channel %d timed out. "+
		"Timeout value used: %d ms. This timeout value can be configured, see consumers doc guide to learn more", channel, used)
}

// cancelLate is what 4.3 does: the consumer is cancelled, and what it kept too long goes back into the queue. The client may
// still acknowledge that; it has no effect.
func (ch *Channel) cancelLate(c *consumer) {
	h := ch.host
	now := h.now.UnixNano()
	var late []queue.ID
	for i := range ch.unacked.list {
		d := &ch.unacked.list[i]
		if !d.done && d.consumer == c && d.due <= now {
			late = append(late, d.id)
			d.queue, d.due = &hostQueue{deleted: true}, 0
		}
	}
	if ch.consumers[c.Tag] == c {
		c.forget()
		ch.out.Send(&wire.BasicCancel{ConsumerTag: c.Tag, NoWait: true}, nil)
	}
	if q := c.queue; !q.deleted {
		q.noteRequeued(late, true)
		q.Cancel(h.now, c.Consumer)
		q.lose(q.Requeue(h.now, queue.Lost, late...))
		q.touch()
		h.removeAbandoned(q)
	}
}
