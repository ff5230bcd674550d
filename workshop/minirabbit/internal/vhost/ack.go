package vhost

import (
	"cmp"
	"slices"
	"strings"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/wire"
)

// ack says that deliveries are done.
func (ch *Channel) ack(m *wire.BasicAck) *fault.Error {
	return ch.finish(m.DeliveryTag, m.Multiple, func(q *hostQueue, ids []queue.ID) {
		ch.counts.acked += uint64(len(ids))
		if q.deleted {
			return
		}
		q.acked += uint64(len(ids))
		q.note(Removed, ids)
		q.Ack(ch.host.now, ids...)
	})
}

// reject gives deliveries back: into the queue again, or to be dead-lettered or dropped.
func (ch *Channel) reject(tag uint64, multiple, requeue bool, why queue.Return) *fault.Error {
	if err := ch.checkReturn(tag, multiple); err != nil {
		return err
	}
	return ch.finish(tag, multiple, func(q *hostQueue, ids []queue.ID) {
		if requeue {
			ch.requeue(q, why, ids)
		} else {
			ch.discard(q, ids)
		}
	})
}

func (ch *Channel) requeue(q *hostQueue, why queue.Return, ids []queue.ID) {
	if q.deleted {
		return
	}
	q.noteRequeued(ids, ch.host.version.Fails(why == queue.RejectedBack, false))
	q.lose(q.Requeue(ch.host.now, why, ids...))
}

func (ch *Channel) discard(q *hostQueue, ids []queue.ID) {
	if !q.deleted {
		q.lose(q.Discard(ch.host.now, ids...))
	}
}

// checkReturn returns why one of the deliveries can't be given back: RabbitMQ 3.10 has 540 for those of a stream.
func (ch *Channel) checkReturn(tag uint64, multiple bool) *fault.Error {
	if !multiple {
		d, ok := ch.unacked.get(tag)
		if !ok || d.queue.deleted {
			return nil
		}
		return d.queue.Settings().CheckReturn(ch.host.version)
	}
	for d := range ch.unacked.all() {
		if tag != 0 && d.tag > tag {
			break
		}
		if d.queue.deleted {
			continue
		}
		if err := d.queue.Settings().CheckReturn(ch.host.version); err != nil {
			return err
		}
	}
	return nil
}

// recover requeues all deliveries of the channel.
func (ch *Channel) recover(requeue bool) *fault.Error {
	if !requeue {
		return fault.Connection(fault.NotImplemented, "requeue=false")
	}
	return ch.finish(0, true, func(q *hostQueue, ids []queue.ID) { ch.requeue(q, queue.Nacked, ids) })
}

// finish takes the deliveries that a tag means, and calls each once for each queue (and consumer) they came from, with their
// numbers in the order of delivery. The error is the 406 for a tag that is not there.
func (ch *Channel) finish(tag uint64, multiple bool, each func(q *hostQueue, ids []queue.ID)) *fault.Error {
	if !multiple {
		d, ok := ch.unacked.take(tag)
		if !ok {
			return unknownTag(tag)
		}
		ch.ids = append(ch.ids[:0], d.id)
		each(d.queue, ch.ids)
		ch.release(d)
		return nil
	}
	taken, ok := ch.unacked.takeUpTo(tag, nil)
	if !ok {
		return unknownTag(tag)
	}
	for _, part := range byQueue(taken) {
		ch.ids = ch.ids[:0]
		for _, d := range part {
			ch.ids = append(ch.ids, d.id)
		}
		each(part[0].queue, ch.ids)
	}
	ch.release(taken...)
	return nil
}

func unknownTag(tag uint64) *fault.Error {
	return fault.Channel(fault.PreconditionFailed, "unknown delivery tag %d", tag)
}

// byQueue parts deliveries by where they came from, keeping their order. The parts are in RabbitMQ's order
// (rabbit_channel:foreach_per_queue): by the name of the queue, then what was got, then by the tag of the consumer.
func byQueue(all []delivery) [][]delivery {
	type origin struct {
		queue    *hostQueue
		consumer *consumer
	}
	same := true
	for _, d := range all {
		same = same && d.queue == all[0].queue && d.consumer == all[0].consumer
	}
	switch {
	case len(all) == 0:
		return nil
	case same:
		return [][]delivery{all}
	}
	places := make(map[origin]int)
	var parts [][]delivery
	for _, d := range all {
		from := origin{d.queue, d.consumer}
		i, ok := places[from]
		if !ok {
			i = len(parts)
			places[from] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], d)
	}
	slices.SortStableFunc(parts, func(a, b []delivery) int {
		return cmp.Or(strings.Compare(a[0].queue.name, b[0].queue.name), strings.Compare(a[0].via(), b[0].via()))
	})
	return parts
}

// via is the tag of the consumer that a delivery went to; empty for basic.get.
func (d *delivery) via() string {
	if d.consumer == nil {
		return ""
	}
	return d.consumer.Tag
}

// release gives back the room that deliveries took: their queues may have more for the same consumers.
func (ch *Channel) release(done ...delivery) {
	before := ch.limited
	for _, d := range done {
		if d.consumer != nil && d.consumer.counts() {
			ch.limited--
		}
		d.queue.touch()
	}
	if ch.limit > 0 && before >= ch.limit && ch.limited < ch.limit {
		ch.wake()
	}
	ch.timeout.next(ch)
}
