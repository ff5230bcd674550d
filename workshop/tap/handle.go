package tap

import (
	"time"

	"warren.example/workshop/wire"
)

// handle is a unit's way through the tap. Tap.mu is held.
func (c *conn) handle(from Side, u *unit) {
	if c.cutOff {
		return
	}
	u.conn = c
	u.event.Conn, u.event.From = c.id, from
	u.channel = c.channels[u.event.Channel]
	if u.channel != nil && (c.claimClosing(u) || c.claimCancelOk(u)) {
		return
	}
	c.number(u)
	c.judge(u)
	switch {
	case u.stopped:
		c.tap.recording.add(u.entry)
		c.owe(u)
	case len(u.confirmed) > 0 && u.channel.confirms.touchedBy != "":
		c.answer(u)
	default:
		c.tap.recording.add(u.entry)
		c.forward(u)
	}
	for _, f := range u.then {
		f()
	}
}

// handlePlain is the way of bytes that are no AMQP.
func (c *conn) handlePlain(from Side, bytes []byte) {
	u := &unit{raw: bytes, conn: c, plain: true}
	u.event.Conn, u.event.From = c.id, from
	c.judge(u)
	if !u.stopped {
		c.to(from.other()).append(bytes, u.due)
	}
	for _, f := range u.then {
		f()
	}
}

// number finds the client's numbers of what has to do with confirms: of a publish, and of what a confirm is about.
func (c *conn) number(u *unit) {
	if u.channel == nil || u.channel.confirms == nil {
		return
	}
	books := u.channel.confirms
	if u.event.From == Client {
		if _, ok := u.event.Method.(*wire.BasicPublish); ok {
			u.number = books.publish()
			u.event.Number = u.number
		}
		return
	}
	said, ok := answerOf(u.event.Method)
	if !ok {
		return
	}
	u.said, u.confirmed = said, books.settle(said)
	switch {
	case books.touchedBy == "":
	case len(u.confirmed) > 0:
		last := u.confirmed[len(u.confirmed)-1]
		u.event.Method = answer{tag: last.client, multiple: said.multiple, ack: said.ack}.method()
	default: // in the client's numbers it would be about another one
		u.event.Fault = books.touchedBy
		u.stop(Dropped)
	}
}

// judge asks the rules about a unit, in the order in which they were added.
func (c *conn) judge(u *unit) {
	for _, r := range c.tap.rules {
		r.judge(u)
	}
	if c.hole != nil && !u.stopped {
		u.event.Fate, u.event.Fault = Held, c.hole.text
	}
}

// forward puts a unit into the outbox as it came.
func (c *conn) forward(u *unit) {
	c.learn(u)
	c.to(u.event.From.other()).append(u.raw, u.due)
	if _, ok := u.event.Method.(*wire.BasicPublish); ok && u.event.From == Client {
		c.tellBlocked()
	}
}

// owe keeps the books of confirms for a unit that is not forwarded.
func (c *conn) owe(u *unit) {
	if u.number > 0 && !u.refused {
		u.channel.confirms.owe(u.number, u.event.Fault)
	}
	for _, p := range u.confirmed {
		u.channel.confirms.owe(p.client, u.event.Fault)
	}
}

// say makes the tap say something to one side: to the client in the name of the broker, to the broker in its own.
func (c *conn) say(to Side, channel uint16, m wire.Method, by string) {
	from := Broker
	if to == Broker {
		from = Here
	}
	c.tap.recording.add(entry{name: m.Name(), event: Event{
		Conn: c.id, Channel: channel, From: from, Method: m, Fate: Injected, Fault: by,
	}})
	c.sendMethod(to, channel, m, time.Time{})
}

// swallow records a unit that is meant for the tap.
func (c *conn) swallow(u *unit, by string) {
	u.event.Fate, u.event.Fault = Dropped, by
	c.tap.recording.add(u.entry)
}

// sendMethod puts a method into an outbox. What can't be encoded (a name that is too long) is not said, and the recording
// tells.
func (c *conn) sendMethod(to Side, channel uint16, m wire.Method, due time.Time) {
	frame, err := wire.AppendMethodFrame(nil, channel, m)
	if err != nil {
		c.tap.recording.say(aFault, c.id, "not said: "+err.Error())
		return
	}
	c.to(to).append(frame, due)
}
