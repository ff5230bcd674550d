package protocol

import (
	"time"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/wire"
)

// leftSilently is why a connection ended whose client just closed it.
const leftSilently = "the client closed the socket without a word"

// How long a client may take to leave.
const (
	graceForClosed   = 30 * time.Second
	graceForShutdown = 500 * time.Millisecond
)

// fail ends the connection with an error, as far as the client has earned one. Before the connection is tuned RabbitMQ says
// nothing; after connection.close there is nothing more to say.
func (c *connection) fail(err *fault.Error) {
	switch c.state {
	case closed:
	case opening, running:
		c.because(err.Error())
		c.leaveBroker()
		c.send(0, &wire.ConnectionClose{ReplyCode: err.Code, ReplyText: err.Text, ClassId: err.Class, MethodId: err.Method})
		c.close()
	default:
		c.cut(err.Error())
	}
}

// closeOk ends the connection as the client asks for it.
func (c *connection) closeOk() {
	c.because("closed by the client")
	c.leaveBroker()
	c.send(0, &wire.ConnectionCloseOk{})
	if c.state != closed {
		c.close()
	}
}

// close waits for the client to leave. It has the time of a heartbeat, or half a minute.
func (c *connection) close() {
	c.state = closed
	c.blocked = false
	grace := graceForClosed
	if h := time.Duration(c.tuned.Heartbeat) * time.Second; h > 0 && h < grace {
		grace = h
	}
	c.endIn(grace, "the client did not leave")
}

// leaveBroker takes the connection, its channels and its exclusive queues away from the broker. Nothing of it is sent any
// more then but by the connection itself.
func (c *connection) leaveBroker() {
	if c.registered == nil {
		return
	}
	c.registered.Remove()
	clear(c.channels)
	c.recent = nil
}

// shutDown ends the connection because the broker stops. Safe for all goroutines.
func (c *connection) shutDown(reason string) {
	c.mu.Lock()
	reads := c.reads
	c.mu.Unlock()
	if !reads { // still in the TLS handshake
		c.cut("shutdown")
		return
	}
	c.leave(notice{close: fault.Connection(fault.ConnectionForced, "%s", reason), now: true})
}

// end leaves nothing of the connection.
func (c *connection) end() {
	c.heartbeat.stop()
	c.leaveBroker()
	c.out.uncork()
	c.cut("")
	c.stay()
	c.mu.Lock()
	why := c.why
	c.mu.Unlock()
	switch {
	case c.registered != nil:
		c.record(ConnectionClosed, 0, why)
	case c.received.Load() > 0 || why != leftSilently: // who only looks whether the port is open is not worth a word
		c.record(ConnectionFailed, 0, why)
	}
}
