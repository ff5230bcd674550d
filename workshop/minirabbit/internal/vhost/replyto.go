package vhost

import (
	"strings"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/wire"
)

// Direct reply-to (rabbitmq.com/docs/direct-reply-to): a client consumes from a queue of this name, which is none, and what it
// then publishes with this name as reply-to carries an address instead. What is published to that address over the default
// exchange is delivered to the client at once, or lost.
const (
	replyTo       = "amq.rabbitmq.reply-to"
	replyToPrefix = replyTo + "."
)

// replier is a channel's consumer of direct replies.
type replier struct {
	tag  string // of the consumer
	name string // where replies are sent to
}

func (ch *Channel) consumeReplies(m *wire.BasicConsume) *fault.Error {
	h := ch.host
	switch {
	case ch.consumers[m.ConsumerTag] != nil:
		return reuse(m.ConsumerTag)
	case !m.NoAck:
		return fault.Channel(fault.PreconditionFailed, "reply consumer cannot acknowledge")
	case ch.reply != nil:
		return fault.Channel(fault.PreconditionFailed, "reply consumer already set")
	}
	tag := m.ConsumerTag
	if tag == "" {
		tag = h.names.new("amq.ctag-")
	}
	ch.reply = &replier{tag: tag, name: h.names.new(replyToPrefix)}
	h.repliers[ch.reply.name] = ch
	ch.answer(m.NoWait, &wire.BasicConsumeOk{ConsumerTag: tag})
	return nil
}

func (ch *Channel) stopReplies() {
	if ch.reply != nil {
		delete(ch.host.repliers, ch.reply.name)
		ch.reply = nil
	}
}

// declareReplyTo answers queue.declare for such a name, which is always only a question: is the requester still there?
func (ch *Channel) declareReplyTo(name string, noWait bool) *fault.Error {
	if _, ok := ch.host.repliers[name]; !ok && name != replyTo {
		return ch.host.missing(kindQueue, name)
	}
	ch.lastQueue = name
	ch.answer(noWait, &wire.QueueDeclareOk{Queue: name, ConsumerCount: 1})
	return nil
}

// deliverReplies delivers a message to the requesters among its keys. It returns how many of them make the message count as
// routed.
func (h *Host) deliverReplies(m *message.Message) int {
	n := h.deliverReply(m.RoutingKey, m)
	for _, key := range m.More {
		n += h.deliverReply(key, m)
	}
	return n
}

func (h *Host) deliverReply(key string, m *message.Message) int {
	if !strings.HasPrefix(key, replyToPrefix) {
		return 0
	}
	routed := 1
	if h.version.ReplyToReturns() {
		routed = 0
	}
	ch, ok := h.repliers[key]
	if !ok {
		return routed
	}
	tag := ch.tag + 1
	if h.version.RepliesCount() {
		ch.tag = tag
	}
	ch.counts.delivered++
	ch.out.Send(&wire.BasicDeliver{
		ConsumerTag: ch.reply.tag, DeliveryTag: tag, Exchange: m.Exchange, RoutingKey: m.RoutingKey,
	}, m)
	return routed
}
