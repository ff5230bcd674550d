package vhost

import (
	"slices"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/wire"
)

// consumer is a consumer of a channel: package queue's part, and where its deliveries go.
type consumer struct {
	*queue.Consumer
	channel *Channel
	queue   *hostQueue
	refused bool // in channel.refused
}

// consume starts a consumer.
func (ch *Channel) consume(m *wire.BasicConsume) *fault.Error {
	if m.Queue == replyTo {
		return ch.consumeReplies(m)
	}
	name, _, err := ch.lastDeclared(m.Queue, "")
	if err != nil {
		return err
	}
	if ch.consumers[m.ConsumerTag] != nil {
		return reuse(m.ConsumerTag)
	}
	if err := ch.check(Read, kindQueue, name); err != nil {
		return err
	}
	q, err := ch.findOwn(name)
	if err != nil {
		return err
	}
	h := ch.host
	spec, err := queue.ParseConsume(h.version, q.Settings(), m)
	if err != nil {
		return err
	}
	c := &consumer{Consumer: spec, channel: ch, queue: q}
	if m.ConsumerTag == "" {
		c.Tag = h.names.new("amq.ctag-")
	}
	c.Owner, c.Channel, c.Prefetch, c.ChannelLimit, c.Ready = c, ch, ch.prefetch, ch.limit > 0, c.ready
	if err := q.AddConsumer(h.now, c.Consumer); err != nil {
		return err
	}
	ch.consumers[c.Tag] = c
	ch.answer(m.NoWait, &wire.BasicConsumeOk{ConsumerTag: c.Tag})
	q.touch()
	return nil
}

func reuse(tag string) *fault.Error {
	return fault.Connection(fault.NotAllowed, "attempt to reuse consumer tag '%s'", tag)
}

// ready tells whether the consumer can take a message as far as its channel and its connection go. If not, the channel wakes
// it when that may have changed.
func (c *consumer) ready() bool {
	ch := c.channel
	limited := ch.limit > 0 && ch.limited >= ch.limit && c.counts()
	if !limited && ch.out.HasRoom() {
		return true
	}
	if !c.refused {
		c.refused = true
		ch.refused = append(ch.refused, c)
	}
	return false
}

// counts tells whether the consumer is under the limit for the whole channel. Those of classic queues are
// (rabbitmq.com/docs/consumer-prefetch).
func (c *consumer) counts() bool { return c.queue.Settings().Kind == queue.Classic }

// deliver sends a message that the queue has given to the consumer.
func (c *consumer) deliver(e queue.Entry) {
	ch, q := c.channel, c.queue
	ch.tag++
	if c.NoAck {
		q.noteOne(Removed, e)
	} else {
		ch.hold(q, e, c)
	}
	ch.note(q, e)
	ch.out.Send(&wire.BasicDeliver{
		ConsumerTag: c.Tag, DeliveryTag: ch.tag, Redelivered: e.Redelivered,
		Exchange: e.Message.Exchange, RoutingKey: e.Message.RoutingKey,
	}, e.Message)
}

// hold keeps a delivery until the client has answered it. Its tag is the channel's last.
func (ch *Channel) hold(q *hostQueue, e queue.Entry, c *consumer) {
	d := delivery{tag: ch.tag, queue: q, id: e.ID, consumer: c}
	ch.timeout.start(ch, &d)
	ch.unacked.add(d)
	if c != nil && c.counts() {
		ch.limited++
	}
	q.noteOne(Delivered, e)
}

// note counts a delivery.
func (ch *Channel) note(q *hostQueue, e queue.Entry) {
	q.delivered++
	ch.counts.delivered++
	if e.Redelivered {
		q.redelivered++
		ch.counts.redelivered++
	}
}

// cancel ends a consumer. Its deliveries stay with the channel. One that is not there is no error.
func (ch *Channel) cancel(m *wire.BasicCancel) *fault.Error {
	if ch.reply != nil && ch.reply.tag == m.ConsumerTag {
		ch.stopReplies()
	} else if c := ch.consumers[m.ConsumerTag]; c != nil {
		c.forget()
		if c.queue.Cancel(ch.host.now, c.Consumer) {
			ch.stalled = append(ch.stalled, c.queue)
		}
		c.queue.touch()
		defer ch.host.removeAbandoned(c.queue)
	}
	ch.answer(m.NoWait, &wire.BasicCancelOk{ConsumerTag: m.ConsumerTag})
	return nil
}

// forget takes the consumer out of its channel's lists.
func (c *consumer) forget() {
	ch := c.channel
	delete(ch.consumers, c.Tag)
	if c.refused {
		ch.refused = slices.DeleteFunc(ch.refused, func(other *consumer) bool { return other == c })
	}
}

// orphan is for a consumer whose queue is gone.
func (c *consumer) orphan() {
	ch := c.channel
	if ch.closed || ch.consumers[c.Tag] != c {
		return
	}
	c.forget()
	if ch.conn.info.CancelNotify {
		ch.out.Send(&wire.BasicCancel{ConsumerTag: c.Tag, NoWait: true}, nil)
	}
}

// wake lets consumers that were not ready look again whether they are, the one that has waited longest first.
func (ch *Channel) wake() {
	waiting := ch.refused
	ch.refused = nil
	for _, c := range waiting {
		c.refused = false
		if ch.consumers[c.Tag] == c {
			c.queue.Wake(c.Consumer)
			c.queue.touch()
		}
	}
}
