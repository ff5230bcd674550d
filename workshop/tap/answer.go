package tap

import (
	"fmt"
	"strings"
	"time"

	"warren.example/workshop/wire"
)

// answer forwards a confirm on a channel whose books were touched: it tells the client in the client's numbers, each
// publish in its own way, and records what it tells.
func (c *conn) answer(u *unit) {
	answers := c.answers(u)
	if len(answers) == 1 && answers[0] == u.said {
		c.tap.recording.add(u.entry)
		c.to(Client).append(u.raw, u.due)
		return
	}
	for _, a := range answers {
		m := a.method()
		told := u.event
		told.Method = m
		switch {
		case a.by != nil:
			c.recordConfirm(told, Dropped, answer{tag: a.tag, multiple: a.multiple, ack: true}.method(), a.by.text)
			c.recordConfirm(told, Injected, m, a.by.text)
		case told.Fate == Passed:
			c.recordConfirm(told, Changed, m, u.channel.confirms.touchedBy)
		default: // delayed, or in a black hole
			c.recordConfirm(told, told.Fate, m, told.Fault)
		}
		c.sendMethod(Client, told.Channel, m, u.due)
	}
}

// answers returns what the client is to be told now. What HoldConfirm waits for is kept back.
func (c *conn) answers(u *unit) []answer {
	books := u.channel.confirms
	now := make([]pending, 0, len(u.confirmed))
	for _, p := range u.confirmed {
		if p.nack != nil && p.nack.gone {
			p.nack = nil
		}
		if p.hold != nil && !p.hold.ended {
			c.holdConfirm(u, p)
		} else {
			now = append(now, p)
		}
	}
	answers := books.answers(now, u.said)
	for _, p := range now {
		if p.nack != nil && u.said.ack {
			p.nack.hit()
		}
	}
	return answers
}

// holdConfirm keeps back the confirm of one publish, for its rule to release.
func (c *conn) holdConfirm(u *unit, p pending) {
	rule := p.hold.rule
	p.hold = nil
	kept := &unit{conn: c, channel: u.channel, said: answer{ack: u.said.ack}, confirmed: []pending{p}}
	kept.event = u.event
	kept.event.Method = answer{tag: p.client, ack: u.said.ack}.method()
	c.recordConfirm(kept.event, Held, kept.event.Method, rule.text)
	u.channel.confirms.owe(p.client, rule.text)
	rule.held = append(rule.held, kept)
	rule.hit()
}

func (c *conn) recordConfirm(e Event, fate Fate, m wire.Method, by string) {
	e.Method, e.Fate, e.Fault = m, fate, by
	c.tap.recording.add(entry{event: e, name: m.Name()})
}

// resume lets a unit go on that a rule held. Its channel may be gone by then.
func (c *conn) resume(u *unit) {
	text := u.event.brief()
	u.event.Fate, u.event.Fault = Passed, ""
	if c.cutOff || !u.isTimely() {
		c.tap.recording.say(aFault, c.id, "lost with its channel: "+text)
		return
	}
	if len(u.confirmed) == 0 {
		c.tap.recording.say(aFault, c.id, "released: "+text)
		if u.number > 0 {
			u.channel.confirms.pay(u.number)
		}
		c.forward(u)
		return
	}
	for _, p := range u.confirmed {
		u.channel.confirms.pay(p.client)
	}
	var told []string
	for _, a := range c.answers(u) {
		told = append(told, a.method().String())
		c.sendMethod(Client, u.event.Channel, a.method(), time.Time{})
	}
	c.tap.recording.say(aFault, c.id, fmt.Sprintf("released: %s, as %s", text, strings.Join(told, ", ")))
}

// isTimely tells whether a unit that was held still means what it meant when it came.
func (u *unit) isTimely() bool {
	if u.channel == nil {
		return u.conn.channels[u.event.Channel] == nil
	}
	if u.conn.channels[u.event.Channel] != u.channel || u.channel.closing != nil {
		return false
	}
	// The broker would count a publish that the client did not count, because confirm mode came after it.
	return !isPublish(u) || u.number > 0 || u.channel.confirms == nil
}
