package vhost

import (
	"slices"
	"time"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/queue"
)

// grave is a message that died in a queue with a dead-letter exchange and is on its way there (rabbitmq.com/docs/dlx).
type grave struct {
	queue.Dead
	from  *hostQueue
	taken map[string]struct{} // at-least-once: the queues that have it already
	waits bool                // at-least-once: it was tried already
}

// retryAfter is how often a queue with the strategy at-least-once tries again to get rid of dead messages that no queue has
// taken (dead_letter_worker_publisher_confirm_timeout).
const retryAfter = 3 * time.Minute

// lose is for messages that left the queue without being acknowledged: they are dead-lettered, or gone.
func (q *hostQueue) lose(dead []queue.Dead) {
	for _, d := range dead {
		if q.Settings().DeadLetterExchange == nil {
			q.forget(d)
			continue
		}
		q.host.graves = append(q.host.graves, grave{Dead: d, from: q})
	}
}

// forget tells the journal that a dead message is not needed any more. One that the queue refused was never in there.
func (q *hostQueue) forget(d queue.Dead) {
	if d.ID != 0 && q.journaled() && q.keeps(d.Message) {
		q.host.append(&Event{Kind: Removed, Queue: q.name, ID: uint64(d.ID)})
	}
}

// move brings the message to where it goes. At-most-once, which is the rule, it is lost if nobody takes it; with the strategy
// at-least-once it stays until everybody to whom it goes has taken it.
func (g grave) move() {
	q := g.from
	h, s := q.host, q.Settings()
	moved := h.bury(g.Message, s, string(g.Reason))
	missing := !h.routeDead(moved, string(g.Reason))
	var publisher any // at-most-once: nobody is told whether the message was refused, so quorum queues don't
	if s.AtLeastOnce {
		publisher = q
	}
	for _, name := range h.routed {
		if _, ok := g.taken[name]; ok {
			continue
		}
		if _, ok := h.queues[name].take(moved, publisher); !ok {
			missing = true
		} else if s.AtLeastOnce {
			g.note(name)
		}
	}
	if s.AtLeastOnce && missing && !q.deleted {
		q.keepTrying(g)
		return
	}
	if g.waits {
		q.DeadWait(-1, -int64(g.Message.Size()))
		q.touch()
	}
	q.forget(g.Dead)
}

func (g *grave) note(queue string) {
	if g.taken == nil {
		g.taken = make(map[string]struct{})
	}
	g.taken[queue] = struct{}{}
}

// routeDead fills in h.routed with the queues for a dead message, without those to which it would go round in a circle. It
// returns false if there is none.
func (h *Host) routeDead(m *message.Message, reason string) bool {
	if _, ok := h.graph.Exchange(m.Exchange); !ok {
		h.routed = h.routed[:0]
		return false
	}
	replied := h.route(m.Exchange, m) > len(h.routed)
	if reason != string(queue.Rejected) {
		h.routed = slices.DeleteFunc(h.routed, func(name string) bool { return circular(name, m.Deaths) })
	}
	return replied || len(h.routed) > 0
}

func (q *hostQueue) keepTrying(g grave) {
	if !g.waits {
		g.waits = true
		q.DeadWait(1, int64(g.Message.Size()))
		q.touch()
	}
	q.held = append(q.held, g)
	if len(q.held) > 1 {
		return
	}
	q.wait = q.host.after(q.wait, retryAfter, q.retry)
}

// retry is called by the clock.
func (q *hostQueue) retry() {
	h := q.host
	h.enter()
	defer h.leave()
	h.graves = append(h.graves, q.held...)
	q.held = nil
}
