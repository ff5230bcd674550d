package vhost

import "warren.example/workshop/minirabbit/internal/queue"

// append gives an event to the journal, if there is one, and returns its number.
func (h *Host) append(e *Event) uint64 {
	if h.config.Journal == nil {
		return 0
	}
	e.Host = h.config.Name
	return h.config.Journal.Append(e)
}

// journaled tells whether the journal is told what happens to messages of the queue. Of a stream it is only told what comes
// in and what retention drops: acknowledging removes nothing.
func (q *hostQueue) journaled() bool {
	s := q.Settings()
	return q.host.config.Journal != nil && s.Durable && s.Kind != queue.Stream && !q.deleted
}

// note gives an event about each of the messages to the journal. Those it doesn't keep it passes over.
func (q *hostQueue) note(kind EventKind, ids []queue.ID) {
	if !q.journaled() {
		return
	}
	for _, id := range ids {
		q.host.append(&Event{Kind: kind, Queue: q.name, ID: uint64(id)})
	}
}

// noteOne gives an event about a message that is being delivered to the journal, if it keeps the message.
func (q *hostQueue) noteOne(kind EventKind, e queue.Entry) {
	if q.journaled() && q.keeps(e.Message) {
		q.host.append(&Event{Kind: kind, Queue: q.name, ID: uint64(e.ID)})
	}
}

// noteRequeued tells that messages came back; counted, that it counts as a failed delivery.
func (q *hostQueue) noteRequeued(ids []queue.ID, counted bool) {
	if !q.journaled() {
		return
	}
	for _, id := range ids {
		e := &Event{Kind: Requeued, Queue: q.name, ID: uint64(id)}
		if counted {
			e.DeliveryCount = 1
		}
		q.host.append(e)
	}
}

// kept lists what the journal has of the queue, for notePurged.
func (q *hostQueue) kept() []queue.ID {
	if !q.journaled() {
		return nil
	}
	var ids []queue.ID
	for r := range q.Records() {
		ids = append(ids, r.ID)
	}
	return ids
}

// notePurged tells that of these messages those went that are not in the queue any more.
func (q *hostQueue) notePurged(before []queue.ID) {
	if !q.journaled() {
		return
	}
	left := make(map[queue.ID]bool)
	for r := range q.Records() {
		left[r.ID] = true
	}
	q.host.append(&Event{Kind: Purged, Queue: q.name})
	for _, id := range before {
		if !left[id] {
			q.host.append(&Event{Kind: Removed, Queue: q.name, ID: uint64(id)})
		}
	}
}

// noteRetention tells what a stream has dropped because it is too old or too much.
func (q *hostQueue) noteRetention() {
	if q.Settings().Kind != queue.Stream {
		return
	}
	first := q.oldest
	for r := range q.Records() {
		first = r.ID
		break
	}
	for ; q.oldest < first; q.oldest++ {
		q.host.append(&Event{Kind: Removed, Queue: q.name, ID: uint64(q.oldest)})
	}
}
