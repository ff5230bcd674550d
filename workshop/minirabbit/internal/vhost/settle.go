package vhost

import "time"

const (
	// mostRounds is how often in one call a message may die in the next queue, and the next.
	mostRounds = 1000
	// roundsPause is how long messages rest that died so often. It doubles as long as they don't stop, so that a clock that is
	// advanced by a year need not go round with them every second.
	roundsPause = time.Second
)

// settle does what a call has set going: deliveries from queues in which something changed, and dead messages to where they
// go, which changes other queues. A message that nobody rejects dies once at most in each queue (see circular). Others can go
// round for ever where nothing has a time to live of more than zero: such a round is left to the clock after a while, so that
// the host does not hang.
func (h *Host) settle() {
	rounds, end := 0, 0 // graves before end belong to this round or an earlier one
	for i, j := 0, 0; ; {
		switch {
		case i < len(h.dirty):
			h.dirty[i].pump()
			i++
		case j < len(h.graves) && (j < end || rounds < mostRounds):
			if j == end {
				rounds, end = rounds+1, len(h.graves)
			}
			g := h.graves[j]
			h.graves[j] = grave{}
			j++
			g.move()
		default:
			h.putOff(h.graves[j:])
			clear(h.graves)
			clear(h.dirty)
			h.dirty, h.graves = h.dirty[:0], h.graves[:0]
			return
		}
	}
}

// putOff leaves dead messages to the clock.
func (h *Host) putOff(rest []grave) {
	if len(rest) == 0 {
		if len(h.later) == 0 {
			h.pause = roundsPause
		}
		return
	}
	if len(h.later) == 0 {
		h.config.Clock.AfterFunc(h.pause, h.goOn)
		h.pause = min(2*h.pause, forEver)
	}
	h.later = append(h.later, rest...)
}

// goOn is called by the clock.
func (h *Host) goOn() {
	h.enter()
	defer h.leave()
	h.graves = append(h.graves, h.later...)
	h.later = nil
}

// refresh brings the queue up to date at once: what expired is gone, what can be delivered is. For calls that look into it.
func (h *Host) refresh(q *hostQueue) {
	q.touch()
	h.settle()
}
