package tap

import (
	"maps"
	"slices"

	"warren.example/workshop/wire"
)

const cancelConsumer = "cancel consumer"

// CancelConsumer cancels consumers as a broker does whose queue is deleted, and returns how many. They are those whose
// basic.consume the filter means; where the broker gave the consumer its tag, that is filled in.
//
// The broker is told first: basic.cancel in the client's stead. What it delivers before it answers reaches the client; its
// basic.cancel-ok does not, and in its place the client is told basic.cancel, if it announced consumer_cancel_notify. So
// nothing is delivered after the cancel, and no message is lost.
func (t *Tap) CancelConsumer(of Filter) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	cancelled := 0
	for _, c := range t.conns {
		if c.gone {
			continue
		}
		for _, number := range slices.Sorted(maps.Keys(c.channels)) {
			cancelled += c.cancelConsumers(number, of)
		}
		c.flush()
	}
	return cancelled
}

func (c *conn) cancelConsumers(number uint16, of Filter) int {
	ch, cancelled := c.channels[number], 0
	if ch.closing != nil {
		return 0
	}
	for _, tag := range slices.Sorted(maps.Keys(ch.consumers)) {
		consume := ch.consumers[tag]
		if !of.means(&entry{event: consume, name: consume.Name()}) {
			continue
		}
		delete(ch.consumers, tag) // once is enough
		ch.quitting = append(ch.quitting, quit{consumer: tag, byTap: true})
		c.say(Broker, number, &wire.BasicCancel{ConsumerTag: tag}, cancelConsumer)
		cancelled++
	}
	return cancelled
}

// claimCancelOk takes the broker's answer to a basic.cancel of the tap, and tells the client in its place.
func (c *conn) claimCancelOk(u *unit) bool {
	ok, isOk := u.event.Method.(*wire.BasicCancelOk)
	if !isOk || u.event.From != Broker || len(u.channel.quitting) == 0 {
		return false
	}
	first := u.channel.quitting[0]
	if !first.byTap || first.consumer != ok.ConsumerTag {
		return false
	}
	u.channel.quitting = u.channel.quitting[1:]
	c.swallow(u, cancelConsumer)
	if c.session.hearsCancel {
		c.say(Client, u.event.Channel, &wire.BasicCancel{ConsumerTag: ok.ConsumerTag, NoWait: true}, cancelConsumer)
	}
	return true
}
