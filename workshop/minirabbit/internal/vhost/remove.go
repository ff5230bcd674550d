package vhost

import (
	"slices"
	"strings"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/wire"
)

// deleteQueue removes a queue with its messages. One that is not there is no error.
func (ch *Channel) deleteQueue(m *wire.QueueDelete) *fault.Error {
	h := ch.host
	name, _, err := ch.lastDeclared(m.Queue, "")
	if err != nil {
		return err
	}
	name = withoutLineEnds(name)
	if err := ch.check(Configure, kindQueue, name); err != nil {
		return err
	}
	q, ok := h.queues[name]
	if !ok {
		ch.answer(m.NoWait, &wire.QueueDeleteOk{})
		return nil
	}
	if err := ch.checkOwner(q); err != nil {
		return err
	}
	if err := q.Settings().CheckDelete(h.version, m.IfUnused, m.IfEmpty); err != nil {
		return err
	}
	h.refresh(q)
	ready := q.Ready()
	switch {
	case m.IfEmpty && ready > 0:
		return fault.Channel(fault.PreconditionFailed, "%s not empty", h.rs(kindQueue, name))
	case m.IfUnused && q.ConsumerCount() > 0:
		return fault.Channel(fault.PreconditionFailed, "%s in use", h.rs(kindQueue, name))
	}
	ch.answer(m.NoWait, &wire.QueueDeleteOk{MessageCount: uint32(ready)})
	h.remove(q)
	return nil
}

// remove takes the queue out of the host. Its messages are gone: none of them is dead-lettered. Consumers are told, if their
// clients want to know (rabbitmq.com/docs/consumer-cancel). What clients hold of it they may still acknowledge.
func (h *Host) remove(q *hostQueue) {
	if q.deleted {
		return
	}
	consumers := q.Consumers() // told in the order of their tags (rabbit_channel:handle_consuming_queue_down_or_eol)
	slices.SortStableFunc(consumers, func(a, b *queue.Consumer) int { return strings.Compare(a.Tag, b.Tag) })
	q.bury()
	delete(h.queues, q.name)
	if q.owner != nil {
		delete(q.owner.queues, q)
	}
	h.gone(h.graph.RemoveQueue(q.name))
	if q.Settings().AtLeastOnce {
		h.forgetPublisher(q)
	}
	if q.Settings().Durable {
		h.append(&Event{Kind: QueueDeleted, Queue: q.name})
	}
	for _, c := range consumers {
		c.Owner.(*consumer).orphan()
	}
}

// removeAbandoned removes an auto-delete queue that had consumers and has lost the last one.
func (h *Host) removeAbandoned(q *hostQueue) {
	if !q.deleted && q.Abandoned() {
		h.remove(q)
	}
}

// purge throws away what is ready.
func (ch *Channel) purge(m *wire.QueuePurge) *fault.Error {
	q, err := ch.readable(m.Queue)
	if err != nil {
		return err
	}
	ch.host.refresh(q)
	before := q.kept()
	n, err := q.Purge()
	if err != nil {
		return err
	}
	q.notePurged(before)
	q.touch()
	ch.answer(m.NoWait, &wire.QueuePurgeOk{MessageCount: uint32(n)})
	return nil
}
