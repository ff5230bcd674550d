package vhost

import "warren.example/workshop/minirabbit/internal/queue"

// Crash makes the host what RabbitMQ would make of it by ending and starting again: connections are forgotten without a
// word, and with them exclusive queues and all deliveries that were not acknowledged, which go back into their queues as
// redelivered. Durable exchanges, queues and the bindings between them stay, and so do persistent messages of classic
// queues and all messages of quorum queues and streams.
//
// The journal is told only what becomes of messages that were delivered: all else it comes to by itself.
func (h *Host) Crash() {
	h.enter()
	defer h.leave()
	h.crash()
	for _, name := range sortedKeys(h.queues) {
		h.queues[name].restart()
	}
}

// crash leaves only durable things. The queues are still as they were.
func (h *Host) crash() {
	journal := h.config.Journal
	h.config.Journal = nil
	defer func() { h.config.Journal = journal }()
	for c := range h.conns {
		c.drop()
	}
	exchanges, bindings, queues := h.graph.Exchanges(), h.graph.Bindings(), h.queues
	keep := bindings[:0]
	for _, b := range bindings {
		if h.durable(b) {
			keep = append(keep, b)
		}
	}
	h.forget()
	for _, x := range exchanges {
		if _, ok := h.graph.Exchange(x.Name); x.Durable && !ok {
			_ = h.addExchange(x) // it was accepted once
		}
	}
	for _, name := range sortedKeys(queues) {
		q := queues[name]
		if !q.Settings().Durable {
			q.bury()
			continue
		}
		h.queues[name] = q
		h.graph.AddQueue(name)
		q.owner, q.dirty = nil, false
	}
	for _, b := range keep {
		_ = h.addBinding(b)
	}
}

// MoveLeaders makes the queues whose leader is on one node have it on another.
func (h *Host) MoveLeaders(from, to string) {
	h.enter()
	defer h.leave()
	for _, q := range h.queues {
		if q.node == from {
			q.node = to
		}
	}
}

// Doubt is for after Crash, if the broker ended without good order: every message of a classic queue counts as redelivered.
func (h *Host) Doubt() {
	h.enter()
	defer h.leave()
	for _, name := range sortedKeys(h.queues) {
		q := h.queues[name]
		q.Doubt()
		if q.Settings().Kind == queue.Classic && q.journaled() {
			h.append(&Event{Kind: Doubted, Queue: name})
		}
	}
}

// restart makes of the queue what it is after a crash: nobody has its messages any more.
func (q *hostQueue) restart() {
	var unacked []queue.ID
	for r := range q.Records() {
		if r.Unacked && q.keeps(r.Message) {
			unacked = append(unacked, r.ID)
		}
	}
	q.noteRequeued(unacked, true)
	q.host.graves = append(q.host.graves, q.held...)
	q.held = nil
	q.lose(q.Restart(q.host.now))
	q.touch()
}
