package protocol

import (
	"fmt"
	"sync"
	"time"
)

// heartbeat sends heartbeats and waits for the client's, as rabbit_heartbeat does: one is sent after half the interval
// without anything else sent, and the client is gone when nothing came for two looks, an interval apart. So it is cut between
// two and three intervals after its last byte, without a word. AMQP 0-9-1, 4.2.7; rabbitmq.com/docs/heartbeats.
//
// A nil heartbeat does nothing.
type heartbeat struct {
	connection *connection
	seconds    uint16
	watched    bool // as watching; the reader's own, so that it asks without the lock

	mu       sync.Mutex // guards what follows
	timer    *time.Timer
	stopped  bool
	watching bool // the client is waited for: not while nothing is read from it
	odd      bool // the client is looked for at every other tick
	sent     uint64
	received uint64
	silent   int // looks that saw nothing new
}

// startHeartbeat begins at once. An interval of zero means that there are no heartbeats: nil.
func startHeartbeat(c *connection, seconds uint16) *heartbeat {
	if seconds == 0 {
		return nil
	}
	h := &heartbeat{connection: c, seconds: seconds, watched: true, watching: true}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer = time.AfterFunc(h.tick(), h.look)
	return h
}

func (h *heartbeat) tick() time.Duration { return time.Duration(h.seconds) * time.Second / 2 }

// look runs at each tick.
func (h *heartbeat) look() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return
	}
	c := h.connection
	if sent := c.writer.octets.Load(); sent == h.sent || h.sent == 0 {
		c.out.put(item{}) // a heartbeat
		h.sent = sent + frameOverhead
	} else {
		h.sent = sent
	}
	if h.odd && h.watching && h.gone(c.received.Load()) {
		h.stopped = true
		c.cut(fmt.Sprintf("missed heartbeats from client, timeout: %ds", h.seconds))
		return
	}
	h.odd = !h.odd
	h.timer.Reset(h.tick())
}

// gone tells whether the client has been silent for too long.
func (h *heartbeat) gone(received uint64) bool {
	if received != h.received {
		h.received, h.silent = received, 0
		return false
	}
	h.silent++
	return h.silent > 1
}

// watch says whether the client's silence counts.
func (h *heartbeat) watch(on bool) {
	if h == nil || h.watched == on {
		return
	}
	h.watched = on
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watching = on
	h.silent = 0
}

// stop ends it.
func (h *heartbeat) stop() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	h.timer.Stop()
}
