package vhost

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/wire"
)

// restoring is a durable queue whose messages come back from the journal.
type restoring struct {
	declare *wire.QueueDeclare
	events  int // about its messages
	entries map[uint64]*restoringEntry
}

type restoringEntry struct {
	queue.Record
	stored, moved int // the event that stored it, and the last one that put it somewhere
}

// Restore puts a thing or a message back as an event of the journal tells it. It is for the time before the first
// connection, with events in the order in which they were appended; UseJournal ends it. Events about things that are not there
// are passed over: the end of a queue may stand before that of its bindings.
// The error says that an event makes no sense.
func (h *Host) Restore(e *Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.restoring == nil {
		h.restoring = make(map[string]*restoring)
	}
	switch e.Kind {
	case ExchangeDeclared:
		if _, ok := h.graph.Exchange(e.Exchange.Name); ok {
			return nil
		}
		if err := h.graph.Declare(e.Exchange); err != nil {
			return fmt.Errorf("restore exchange %q: %w", e.Exchange.Name, err)
		}
		h.exchanges[e.Exchange.Name] = &exchangeCounts{}
	case ExchangeDeleted:
		h.graph.Delete(e.Exchange.Name)
		delete(h.exchanges, e.Exchange.Name)
	case Bound:
		return h.restoreBinding(e)
	case Unbound:
		h.graph.Unbind(e.Binding)
	case QueueDeclared:
		h.restoring[e.Queue] = &restoring{declare: e.Declare, entries: make(map[uint64]*restoringEntry)}
		h.graph.AddQueue(e.Queue)
	case QueueDeleted:
		delete(h.restoring, e.Queue)
		h.graph.RemoveQueue(e.Queue)
	default:
		h.restoreMessage(e)
	}
	return nil
}

func (h *Host) restoreBinding(e *Event) error {
	b := e.Binding
	_, from := h.graph.Exchange(b.Source)
	to := h.graph.HasQueue(b.Destination)
	if b.ToExchange {
		_, to = h.graph.Exchange(b.Destination)
	}
	if !from || !to {
		return nil
	}
	if _, err := h.graph.Bind(b); err != nil {
		return fmt.Errorf("restore binding from %q to %q: %w", b.Source, b.Destination, err)
	}
	return nil
}

func (h *Host) restoreMessage(e *Event) {
	q, ok := h.restoring[e.Queue]
	if !ok {
		return
	}
	q.events++
	entry, known := q.entries[e.ID]
	switch {
	case e.Kind == Stored:
		q.entries[e.ID] = &restoringEntry{stored: q.events, moved: q.events, Record: queue.Record{
			ID: queue.ID(e.ID), Message: e.Message, Redelivered: e.Redelivered, DeliveryCount: e.DeliveryCount,
			AcquiredCount: e.AcquiredCount, Expiry: e.Expiry, Stored: e.StoredAt,
		}}
	case e.Kind == Doubted:
		for _, entry := range q.entries {
			entry.Redelivered = true
		}
	case !known:
	case e.Kind == Removed:
		delete(q.entries, e.ID)
	case e.Kind == Delivered:
		entry.Unacked = true
	case e.Kind == Requeued:
		entry.Unacked, entry.Redelivered = false, true
		entry.DeliveryCount += e.DeliveryCount
		entry.AcquiredCount++
		entry.moved = q.events
	}
}

// inOrder returns the messages as Queue.Restore wants them: in a quorum queue, those that came back are where they came back.
func (r *restoring) inOrder(k queue.Kind) []*restoringEntry {
	return slices.SortedFunc(maps.Values(r.entries), func(a, b *restoringEntry) int {
		if k == queue.Quorum {
			return cmp.Compare(a.moved, b.moved)
		}
		return cmp.Compare(a.stored, b.stored)
	})
}

// UseJournal ends what Restore began: the host is as RabbitMQ would be after a crash, and from now on the journal is told what
// changes. Of what Restore brought it is told only what becomes of messages that were delivered. The error says that a queue
// makes no sense.
func (h *Host) UseJournal(j Journal) error {
	h.enter()
	defer h.leave()
	restoring := h.restoring
	h.restoring, h.config.Journal = nil, j
	for _, name := range sortedKeys(restoring) {
		if err := h.restoreQueue(name, restoring[name]); err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) restoreQueue(name string, r *restoring) error {
	settings, err := queue.ParseArguments(h.version, h.config.Name, r.declare)
	if err != nil {
		return fmt.Errorf("restore queue %q: %w", name, err)
	}
	q := h.addQueue(settings)
	all := r.inOrder(settings.Kind)
	for _, entry := range all {
		q.Restore(entry.Record)
	}
	if len(all) > 0 {
		q.oldest = all[0].ID // retention may have dropped it just now
	}
	q.noteRetention()
	q.restart()
	return nil
}
