package transcript

import (
	"reflect"
	"strings"

	"warren.example/workshop/minirabbit/transcript/client"
	"warren.example/workshop/minirabbit/transcript/notation"
	"warren.example/workshop/wire"
)

// open opens a channel that is not open.
func (r *session) open(c *connection, number uint16) error {
	ch := c.channel(number)
	if ch.open || number == 0 || c.raw {
		return nil
	}
	if err := c.Send(number, &wire.ChannelOpen{}, nil); err != nil {
		return err
	}
	r.answer(c, number, []string{"channel.open-ok"}, true)
	return nil
}

// do sends a method and writes what it is answered with.
func (r *session) do(c *connection, number uint16, m wire.Method, content *notation.Content) error {
	if err := c.Send(number, m, content); err != nil {
		return err
	}
	if m.Name() == "channel.close-ok" {
		c.channels[number] = nil
	}
	if answers := answersTo(m); answers != nil {
		r.answer(c, number, answers, false)
	}
	return nil
}

// answer waits for one of the answers, or for the end of channel or connection. If it is quiet it writes only an end.
func (r *session) answer(c *connection, number uint16, answers []string, quiet bool) {
	wanted := func(e client.Event) bool {
		for _, name := range answers {
			if e.Name() == name {
				return true
			}
		}
		return e.Name() == "channel.close" || number == 0 && e.Name() == "connection.close"
	}
	e, ok := c.Take(number, r.deadline(), wanted)
	if !ok {
		r.timeout("no %s", strings.Join(answers, ", "))
		return
	}
	text := r.seen(c, e)
	if quiet && e.Name() == answers[0] {
		return
	}
	r.say("%s%s", place(c, e, number), text)
}

// place names the channel of an event if it is not the one that was asked.
func place(c *connection, e client.Event, asked uint16) string {
	if e.Channel == asked {
		return ""
	}
	return "connection: "
}

// seen gives the text of an event that the script gets to see and keeps in mind what it means. It adds a mark to frames
// that no broker may send in this order. A close is answered now and not when it came: until now the broker ignored what
// the script sent behind its error, however fast either was.
func (r *session) seen(c *connection, e client.Event) string {
	text, ch := r.names.event(e), c.channel(e.Channel)
	switch m := e.Method.(type) {
	case nil:
		c.dead = e.Name() == "end"
	case *wire.ConnectionClose:
		if c.dead = !c.manual; c.dead {
			_ = c.Send(0, &wire.ConnectionCloseOk{}, nil)
		}
	case *wire.ConnectionCloseOk:
		c.dead = true
	case *wire.ChannelOpenOk:
		ch.open = true
	case *wire.ChannelCloseOk:
		c.channels[e.Channel] = nil
	case *wire.ChannelClose:
		if !c.manual {
			c.channels[e.Channel] = nil
			_ = c.Send(e.Channel, &wire.ChannelCloseOk{}, nil)
		}
	case *wire.BasicConsumeOk:
		ch.consumers[m.ConsumerTag] = e.Number
		delete(ch.cancelled, m.ConsumerTag)
	case *wire.BasicCancelOk:
		ch.cancelled[m.ConsumerTag] = e.Number
	case *wire.BasicDeliver:
		if begun, ok := ch.consumers[m.ConsumerTag]; ok && e.Number < begun {
			text += " OVERTOOK consume-ok"
		}
		if ended, ok := ch.cancelled[m.ConsumerTag]; ok && e.Number > ended {
			text += " CAME AFTER cancel-ok"
		}
	}
	return text
}

// answersTo gives the names of the methods that answer m, nil if none does.
func answersTo(m wire.Method) []string {
	if f := reflect.ValueOf(m).Elem().FieldByName("NoWait"); f.IsValid() && f.Bool() {
		return nil
	}
	switch name := m.Name(); name {
	case "basic.get":
		return []string{"basic.get-ok", "basic.get-empty"}
	case "connection.start-ok", "connection.secure-ok":
		return []string{"connection.tune", "connection.secure", "connection.close"}
	case "basic.publish", "basic.ack", "basic.nack", "basic.reject", "basic.recover-async", "basic.deliver", "basic.return":
		return nil
	case "basic.get-empty", "connection.blocked", "connection.unblocked", "connection.tune", "connection.secure", "connection.start":
		return nil
	default:
		if strings.HasSuffix(name, "-ok") {
			return nil
		}
		return []string{name + "-ok"}
	}
}

// fence returns when the broker has dealt with all that the script sent on a channel, and has sent all that the channel
// had to say: channel.flow with active set changes nothing and is answered.
func (r *session) fence(c *connection, number uint16) {
	if err := c.Send(number, &wire.ChannelFlow{Active: true}, nil); err != nil {
		return
	}
	r.answer(c, number, []string{"channel.flow-ok"}, true)
}
