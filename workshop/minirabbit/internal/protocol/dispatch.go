package protocol

import (
	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/wire"
)

// The fewest bytes that a payload must have to be what its frame says.
const (
	methodNumberSize  = 4
	contentHeaderSize = 12 // class, weight, body size
)

// wellFormed tells whether the payload can be what the type of the frame says.
func wellFormed(f wire.Frame) bool {
	switch f.Type {
	case wire.FrameMethod:
		return len(f.Payload) >= methodNumberSize
	case wire.FrameHeader:
		return len(f.Payload) >= contentHeaderSize
	case wire.FrameBody:
		return true
	case wire.FrameHeartbeat:
		return len(f.Payload) == 0
	}
	return false
}

// handle does what a frame says.
func (c *connection) handle(f wire.Frame) {
	switch {
	case f.Channel == 0:
		c.handleZero(f)
	case c.state == closed:
	case c.state != running:
		c.fail(unexpectedFrame(f))
	case !wellFormed(f):
		c.fail(unknownFrame(f))
	case f.Type == wire.FrameHeartbeat:
		c.fail(unexpectedFrame(f))
	default:
		c.handleChannel(f)
	}
}

// handleZero takes the frames of the connection itself.
func (c *connection) handleZero(f wire.Frame) {
	switch {
	case !wellFormed(f):
		c.fail(unknownFrame(f))
	case f.Type == wire.FrameHeartbeat:
	case f.Type != wire.FrameMethod:
		c.fail(unexpectedFrame(f))
	default:
		switch m, id, what, err := decodeMethod(f.Payload); what {
		case good:
			c.method(m)
		case refused:
			if err.Class != 0 { // RabbitMQ did not think of an error that knows its method already
				err = internal()
			} else {
				err = by(id, err)
			}
			c.fail(err)
		case abandoned:
			c.cut("a method that does not exist: " + id.String())
		case crashed:
			c.fail(internal())
		}
	}
}

// method does what a method on channel 0 says.
func (c *connection) method(m wire.Method) {
	switch m := m.(type) {
	case *wire.ConnectionStartOk:
		if c.state == starting {
			c.startOk(m)
			return
		}
	case *wire.ConnectionTuneOk:
		if c.state == tuning {
			c.tuneOk(m)
			return
		}
	case *wire.ConnectionOpen:
		if c.state == opening {
			c.open(m)
			return
		}
	case *wire.ConnectionClose:
		if c.state == running || c.state == closed {
			c.closeOk()
			return
		}
	case *wire.ConnectionCloseOk:
		if c.state == closed { // the socket is closed when all is sent
			c.deaf = true
			c.out.finish()
			return
		}
	case *wire.ConnectionUpdateSecret:
		if c.state == running { // RabbitMQ's own users have no secret that could end: it agrees to any
			c.send(0, &wire.ConnectionUpdateSecretOk{})
			return
		}
	}
	c.fail(by(m.ID(), fault.Connection(fault.ChannelError, "unexpected method in connection state %s", c.state)))
}

// handleChannel takes a well-formed frame of a channel.
func (c *connection) handleChannel(f wire.Frame) {
	ch, err := c.channel(f.Channel)
	if err != nil {
		c.fail(err)
		return
	}
	if f.Type == wire.FrameMethod {
		c.handleMethod(ch, f.Payload)
		return
	}
	command, complete, err := ch.assembler.acceptContent(f, c.server.largest)
	if err != nil {
		c.fail(err)
		return
	}
	if complete {
		c.do(ch, command)
	}
	c.contentCame()
}

func (c *connection) handleMethod(ch *channel, payload []byte) {
	if err := ch.assembler.interrupted(); err != nil {
		c.fail(err)
		return
	}
	m, id, what, err := decodeMethod(payload)
	switch what {
	case good:
		if command, complete := ch.assembler.accept(m, id); complete {
			c.do(ch, command)
		}
	case refused:
		c.fail(err)
	default:
		c.cut("a method that does not exist or makes no sense: " + id.String())
	}
}
