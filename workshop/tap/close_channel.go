package tap

import (
	"fmt"

	"warren.example/workshop/wire"
)

const closeChannel = "close channel"

// closing is a channel that Tap.CloseChannel closes. Both sides have to agree before its number is free again.
type closing struct {
	byClient bool    // the client said channel.close-ok
	byBroker bool    // the broker said channel.close-ok
	waiting  []*unit // of the next channel with this number: the client opens it before the broker is through
}

// CloseChannel closes a channel as a broker does after an error: the client is told channel.close with code and text. The
// broker is told channel.close too, so that it takes back what was not acked. Both answers end at the tap, and so does
// whatever else is under way on the channel. The error says that no such channel is open.
func (t *Tap) CloseChannel(conn int, number uint16, code uint16, text string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if conn < 1 || conn > len(t.conns) || t.conns[conn-1].gone {
		return fmt.Errorf("close channel %d of connection %d: no such connection is open", number, conn)
	}
	c := t.conns[conn-1]
	ch := c.channels[number]
	if ch == nil || !ch.open || ch.closing != nil {
		return fmt.Errorf("close channel %d of connection %d: no such channel is open", number, conn)
	}
	ch.closing = &closing{}
	c.say(Client, number, &wire.ChannelClose{ReplyCode: code, ReplyText: text}, closeChannel)
	c.say(Broker, number, &wire.ChannelClose{ReplyCode: 200, ReplyText: "closed by the tap"}, closeChannel)
	c.flush()
	return nil
}

// claimClosing takes what comes on a channel while it is closed.
func (c *conn) claimClosing(u *unit) bool {
	ch, number := u.channel, u.event.Channel
	if ch.closing == nil {
		return false
	}
	if len(ch.closing.waiting) > 0 && u.event.From == Client {
		ch.closing.waiting = append(ch.closing.waiting, u.keep())
		return true
	}
	switch u.event.Method.(type) {
	case *wire.ChannelOpen:
		if !ch.closing.byBroker {
			ch.closing.waiting = append(ch.closing.waiting, u.keep())
			return true
		}
		c.closed(number, ch) // the client forgot to say channel.close-ok
		u.channel = nil
		return false
	case *wire.ChannelClose: // at the same time as ours: each side wants an answer to its own
		c.swallow(u, closeChannel)
		c.say(u.event.From, number, &wire.ChannelCloseOk{}, closeChannel)
	case *wire.ChannelCloseOk:
		c.swallow(u, closeChannel)
		if u.event.From == Client {
			ch.closing.byClient = true
		} else {
			ch.closing.byBroker = true
		}
	default:
		c.swallow(u, closeChannel)
	}
	if ch.closing.byBroker && (ch.closing.byClient || len(ch.closing.waiting) > 0) {
		c.closed(number, ch)
	}
	return true
}

// closed frees the number of a channel and handles what waited for it.
func (c *conn) closed(number uint16, ch *channel) {
	delete(c.channels, number)
	for _, u := range ch.closing.waiting {
		c.handle(Client, u)
	}
}
