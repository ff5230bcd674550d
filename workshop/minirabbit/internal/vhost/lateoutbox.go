package vhost

import (
	"warren.example/workshop/minirabbit/internal/clock"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/wire"
)

// wrap gives the channel an outbox that holds some deliveries back for a moment: whoever cancels a consumer still gets them.
func (y *hostility) wrap(ch *Channel) {
	if y != nil {
		ch.out = &lateOutbox{Outbox: ch.out, channel: ch}
	}
}

// mostHeld is how many deliveries are held back at most: what is held back takes no room in the outbox behind.
const mostHeld = 16

// lateOutbox keeps the order of what it sends.
type lateOutbox struct {
	Outbox
	channel *Channel
	held    []lateDelivery
	refused bool // HasRoom said no because of what is held
	timer   *clock.Timer
}

type lateDelivery struct {
	method  wire.Method
	content *message.Message
}

// HasRoom implements Outbox.
func (o *lateOutbox) HasRoom() bool {
	if len(o.held) >= mostHeld {
		o.refused = true
		return false
	}
	return o.Outbox.HasRoom()
}

// Send sends m, and before it what was held back; or it holds m back.
func (o *lateOutbox) Send(m wire.Method, content *message.Message) {
	y := o.channel.host.hostility
	if _, ok := m.(*wire.BasicDeliver); ok && (len(o.held) > 0 || y.dice.IntN(2) == 0) {
		o.held = append(o.held, lateDelivery{m, content})
		if len(o.held) == 1 {
			o.timer = o.channel.host.after(o.timer, y.pause(), o.ring)
		}
		return
	}
	o.flush()
	o.Outbox.Send(m, content)
}

// ring is called by the clock.
func (o *lateOutbox) ring() {
	h := o.channel.host
	h.enter()
	defer h.leave()
	o.flush()
}

func (o *lateOutbox) flush() {
	for _, d := range o.held {
		o.Outbox.Send(d.method, d.content)
	}
	o.held = nil
	if o.refused {
		o.refused = false
		o.channel.wake()
	}
}

// drop forgets what is held back: its channel is closed.
func (o *lateOutbox) drop() {
	o.held = nil
	if o.timer != nil {
		o.timer.Stop()
	}
}
