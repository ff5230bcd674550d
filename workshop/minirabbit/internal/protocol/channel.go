package protocol

import (
	"sync/atomic"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// The states of a channel.
const (
	fresh   int32 = iota // its number was used, but channel.open has not come
	open                 // it works
	closing              // channel.close was sent: all is ignored until the client answers
)

// channel is one channel of a connection. It belongs to the reader, but for state: the host may close a channel of its own
// accord.
type channel struct {
	number    uint16
	state     atomic.Int32
	host      *vhost.Channel
	assembler assembler
}

// channel returns the channel with the number, and makes one if there is none. RabbitMQ takes any number, whatever
// channel-max says: it counts.
func (c *connection) channel(number uint16) (*channel, *fault.Error) {
	if c.recent != nil && c.recent.number == number {
		return c.recent, nil
	}
	ch := c.channels[number]
	if ch == nil {
		if n := len(c.channels); n >= int(c.tuned.ChannelMax) {
			return nil, fault.Connection(fault.NotAllowed,
				"number of channels opened (%d) has reached the negotiated channel_max (%d)", n, c.tuned.ChannelMax)
		}
		ch = &channel{number: number, assembler: assembler{budget: &c.budget}}
		c.channels[number] = ch
	}
	c.recent = ch
	return ch, nil
}

// forget makes the number free.
func (c *connection) forget(ch *channel) {
	delete(c.channels, ch.number)
	c.recent = nil
}

// do does what a client says on a channel.
func (c *connection) do(ch *channel, m command) {
	if _, ok := m.method.(*wire.ChannelOpen); ok {
		c.openChannel(ch, m.id)
		return
	}
	switch ch.state.Load() {
	case fresh:
		c.fail(by(m.id, fault.Connection(fault.ChannelError, "expected 'channel.open'")))
	case closing:
		c.doClosing(ch, m.method)
	default:
		c.doOpen(ch, m)
	}
}

func (c *connection) openChannel(ch *channel, id wire.MethodID) {
	if ch.state.Load() != fresh {
		c.fail(by(id, fault.Connection(fault.ChannelError, "second 'channel.open' seen")))
		return
	}
	ch.host = c.registered.Conn.OpenChannel(ch.number, channelOutbox{c.out, ch.number}, func(err *fault.Error) {
		if err.Connection {
			c.leave(notice{close: err})
			return
		}
		c.closeChannel(ch, err)
	})
	ch.state.Store(open)
	c.send(ch.number, &wire.ChannelOpenOk{})
}

// doClosing ignores what a client said before it saw channel.close.
func (c *connection) doClosing(ch *channel, m wire.Method) {
	switch m.(type) {
	case *wire.ChannelCloseOk:
		c.forget(ch)
	case *wire.ChannelClose: // both sides closed at the same time
		c.send(ch.number, &wire.ChannelCloseOk{})
	}
}

func (c *connection) doOpen(ch *channel, m command) {
	switch method := m.method.(type) {
	case *wire.BasicPublish:
		c.publish(ch, method, m)
	case *wire.ChannelClose:
		ch.host.Close()
		c.send(ch.number, &wire.ChannelCloseOk{})
		if ch.state.Load() == open {
			c.forget(ch)
		}
	case *wire.ChannelFlow:
		if !method.Active {
			c.fail(by(m.id, fault.Connection(fault.NotImplemented, "active=false")))
			return
		}
		c.send(ch.number, &wire.ChannelFlowOk{Active: true})
	case *wire.AccessRequest:
		c.send(ch.number, &wire.AccessRequestOk{Ticket: 1})
	default:
		if !fromClient(m.method) {
			c.fail(unimplemented(m.id))
			return
		}
		c.failed(ch, ch.host.Handle(m.method))
	}
}

// publish hands a message over.
func (c *connection) publish(ch *channel, m *wire.BasicPublish, content command) {
	switch {
	case content.header.BodySize > uint64(c.server.largest) && !m.Immediate:
		ch.host.Close()
		c.failed(ch, by(content.id, fault.Channel(fault.PreconditionFailed,
			"message size %d is larger than configured max size %d", content.header.BodySize, c.server.largest)))
	case content.malformed:
		c.fail(internal())
	default:
		c.failed(ch, ch.host.Publish(m, content.header, content.body))
	}
}

// failed ends what an error ends; nil is none.
func (c *connection) failed(ch *channel, err *fault.Error) {
	switch {
	case err == nil:
	case err.Connection:
		c.fail(err)
	default:
		c.closeChannel(ch, err)
	}
}

// closeChannel sends channel.close, unless that was done. Safe for all goroutines.
func (c *connection) closeChannel(ch *channel, err *fault.Error) {
	if !ch.state.CompareAndSwap(open, closing) {
		return
	}
	c.send(ch.number, &wire.ChannelClose{ReplyCode: err.Code, ReplyText: err.Text, ClassId: err.Class, MethodId: err.Method})
	c.record(ChannelFailed, ch.number, err.Error())
}

// fromClient tells whether a channel's host knows what to do with m: a method that clients send.
func fromClient(m wire.Method) bool {
	switch m.(type) {
	case *wire.ExchangeDeclare, *wire.ExchangeDelete, *wire.ExchangeBind, *wire.ExchangeUnbind,
		*wire.QueueDeclare, *wire.QueueBind, *wire.QueueUnbind, *wire.QueuePurge, *wire.QueueDelete,
		*wire.BasicQos, *wire.BasicConsume, *wire.BasicCancel, *wire.BasicGet, *wire.BasicAck, *wire.BasicReject, *wire.BasicNack,
		*wire.BasicRecover, *wire.BasicRecoverAsync, *wire.ConfirmSelect, *wire.TxSelect, *wire.TxCommit, *wire.TxRollback:
		return true
	}
	return false
}
