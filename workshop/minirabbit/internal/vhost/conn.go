package vhost

import (
	"slices"

	"warren.example/workshop/minirabbit/internal/fault"
)

// ConnInfo is what the host has to know of a connection.
type ConnInfo struct {
	Name string // "127.0.0.1:51234 -> 127.0.0.1:5672"
	Node string // the node it came to
	User string // a message's user-id must be this
	// Access is what the user may do. Nil: everything.
	Access Access
	// Impersonator is for users with that tag: a message's user-id may be anybody's.
	Impersonator bool
	// CancelNotify is the client's capability consumer_cancel_notify: it is told by basic.cancel when a queue it consumes is
	// gone.
	CancelNotify bool
	// Close is called when the host ends the connection of its own accord, with the host's lock held: it must not block and
	// must not call the host. The protocol then sends connection.close and calls Conn.Close.
	Close func(*fault.Error)
}

// Conn is a client's connection to the host. Its methods are safe for several goroutines.
type Conn struct {
	host *Host
	info ConnInfo

	// Guarded by the host's lock.
	channels map[uint16]*Channel
	queues   map[*hostQueue]struct{} // exclusive ones
	closed   bool
}

// Connect adds a connection.
func (h *Host) Connect(info ConnInfo) *Conn {
	if info.Access == nil {
		info.Access = Everything{}
	}
	c := &Conn{host: h, info: info, channels: make(map[uint16]*Channel), queues: make(map[*hostQueue]struct{})}
	h.enter()
	defer h.leave()
	c.closed = h.closed
	if !c.closed {
		h.conns[c] = struct{}{}
	}
	return c
}

// Close ends the connection and its channels: what was not acknowledged goes back into its queues, exclusive queues go. It
// sends nothing. A second call does nothing.
func (c *Conn) Close() {
	c.host.enter()
	defer c.host.leave()
	c.close()
}

func (c *Conn) close() {
	if c.closed {
		return
	}
	c.closed = true
	for _, number := range sortedKeys(c.channels) {
		c.channels[number].close()
	}
	for _, q := range c.ownQueues() {
		c.host.remove(q)
	}
	delete(c.host.conns, c)
}

// drop forgets the connection without giving anything back: for a host that ends.
func (c *Conn) drop() {
	c.closed = true
	for _, ch := range c.channels {
		ch.drop()
	}
	delete(c.host.conns, c)
}

func (c *Conn) ownQueues() []*hostQueue {
	var own []*hostQueue
	for q := range c.queues {
		own = append(own, q)
	}
	slices.SortFunc(own, byName)
	return own
}

// Resume says that the client reads again: its consumers get what waited, as long as its Outbox has room.
func (c *Conn) Resume() {
	c.host.enter()
	defer c.host.leave()
	for _, number := range sortedKeys(c.channels) {
		c.channels[number].wake()
	}
}

// OpenChannel adds a channel. Everything it says goes to out. If an error closes it of the host's own accord (a consumer
// that takes too long), failed is called with the host's lock held: it must not block and must not call the host; the
// channel is closed already, and the protocol sends channel.close.
func (c *Conn) OpenChannel(number uint16, out Outbox, failed func(*fault.Error)) *Channel {
	h := c.host
	h.enter()
	defer h.leave()
	ch := &Channel{conn: c, host: h, number: number, out: out, failed: failed, consumers: make(map[string]*consumer)}
	h.hostility.wrap(ch)
	if old := c.channels[number]; old != nil {
		old.close()
	}
	ch.closed = c.closed
	if !ch.closed {
		c.channels[number] = ch
	}
	return ch
}
