package vhost

import (
	"slices"
	"strings"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/wire"
)

// Publish routes a message. The channel keeps header and body: the caller must not change them afterwards.
//
// In confirm mode each message is answered with basic.ack or basic.nack; a mandatory message that reaches no queue is
// returned before. Without confirm mode there is no answer.
func (ch *Channel) Publish(m *wire.BasicPublish, header *wire.ContentHeader, body []byte) *fault.Error {
	ch.host.enter()
	defer ch.host.leave()
	if ch.closed {
		return nil
	}
	return ch.end(ch.publish(m, &header.Properties, body), m)
}

func (ch *Channel) publish(m *wire.BasicPublish, p *wire.Properties, body []byte) *fault.Error {
	h := ch.host
	if err := ch.checkTarget(m, body); err != nil {
		return err
	}
	if err := ch.checkProperties(p); err != nil {
		return err
	}
	published, err := h.message(m, p, body)
	if err != nil {
		return err
	}
	if ch.confirming {
		ch.issued++
	}
	ch.counts.published++
	targets := h.route(m.Exchange, published)
	if targets == 0 && m.Mandatory {
		ch.counts.returned++
		ch.out.Send(&wire.BasicReturn{
			ReplyCode: fault.NoRoute, ReplyText: "NO_ROUTE", Exchange: m.Exchange, RoutingKey: m.RoutingKey,
		}, published)
	}
	stored, taken := h.store(published, ch)
	if ch.confirming {
		ch.answerPublish(ch.issued, stored, taken)
	}
	return nil
}

// checkTarget returns why nothing of this size may be published there, in RabbitMQ's order.
func (ch *Channel) checkTarget(m *wire.BasicPublish, body []byte) *fault.Error {
	h := ch.host
	if m.Immediate {
		return fault.Connection(fault.NotImplemented, "immediate=true")
	}
	if len(body) > h.config.MaxMessageSize {
		return fault.Channel(fault.PreconditionFailed, "message size %d is larger than configured max size %d", len(body), h.config.MaxMessageSize)
	}
	if err := ch.check(Write, kindExchange, m.Exchange); err != nil {
		return err
	}
	x, ok := h.graph.Exchange(m.Exchange)
	if !ok {
		return h.missing(kindExchange, m.Exchange)
	}
	if x.Internal {
		return fault.Channel(fault.AccessRefused, "cannot publish to internal %s", h.rs(kindExchange, m.Exchange))
	}
	return nil
}

// checkProperties returns which property RabbitMQ doesn't take. It fills in the address for a direct reply.
func (ch *Channel) checkProperties(p *wire.Properties) *fault.Error {
	if p.ReplyTo != nil && *p.ReplyTo == replyTo {
		if ch.reply == nil {
			return fault.Channel(fault.PreconditionFailed, "fast reply consumer does not exist")
		}
		p.ReplyTo = &ch.reply.name
	}
	if p.Expiration != nil {
		if problem := expirationProblem(*p.Expiration); problem != "" {
			return fault.Channel(fault.PreconditionFailed, "invalid expiration '%s': %s", *p.Expiration, problem)
		}
	}
	info := &ch.conn.info
	if p.UserId != nil && *p.UserId != info.User && !info.Impersonator {
		return fault.Channel(fault.PreconditionFailed, "user_id property set to '%s' but authenticated user was '%s'", *p.UserId, info.User)
	}
	return nil
}

// message makes the message that queues get. The error says what RabbitMQ calls an invalid message.
func (h *Host) message(m *wire.BasicPublish, p *wire.Properties, body []byte) (*message.Message, *fault.Error) {
	if mode := p.DeliveryMode; mode != nil && *mode != 1 && *mode != 2 && h.version.ChecksDeliveryMode() {
		return nil, fault.Channel(fault.PreconditionFailed, "invalid message: {delivery_mode_unknown,%d}", *mode)
	}
	published := &message.Message{Exchange: m.Exchange, RoutingKey: m.RoutingKey, Properties: *p, Body: body}
	headers := p.Headers
	if len(headers) == 0 {
		return published, nil
	}
	more, err := routing.ExtraKeys(headers)
	if err != nil {
		return nil, refusal(err)
	}
	if more != nil {
		published.More, published.Hidden = more, hidden(headers)
		headers = routing.WithoutBCC(headers)
	}
	if h.version.SortedHeaders() {
		headers = sortedHeaders(headers)
	}
	published.Properties.Headers = headers
	return published, nil
}

// hidden counts the keys in the header BCC.
func hidden(headers wire.Table) int {
	v, _ := headers.Get("BCC")
	keys, _ := v.(wire.Array)
	n := 0
	for _, key := range keys {
		if _, ok := key.(wire.String); ok {
			n++
		}
	}
	return n
}

// sortedHeaders returns headers sorted by name, of several with a name the first. It changes headers if it has to.
func sortedHeaders(headers wire.Table) wire.Table {
	before := func(a, b wire.Field) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(headers, before) {
		slices.SortStableFunc(headers, before)
	}
	return slices.CompactFunc(headers, func(a, b wire.Field) bool { return a.Name == b.Name })
}

// route fills in h.routed: the queues that the message reaches. It returns how many targets there are, direct replies that
// count as such included.
func (h *Host) route(exchange string, m *message.Message) int {
	replies := 0
	if exchange == "" {
		replies = h.deliverReplies(m)
	}
	h.routed, _ = h.graph.Route(h.routed[:0], exchange, routing.Message{Key: m.RoutingKey, More: m.More, Properties: &m.Properties})
	counts := h.exchanges[exchange]
	counts.in++
	counts.out += uint64(len(h.routed))
	return len(h.routed) + replies
}

// forgetPublisher tells the queues that somebody who published is gone.
func (h *Host) forgetPublisher(from any) {
	for _, q := range h.queues {
		if q.Settings().RefusesEach() {
			q.Forget(from)
		}
	}
}

// store puts the message of a channel into the queues in h.routed. It returns the number of the last event that the journal
// has to have on disk before the message is safe, 0 if there is none, and false if a queue refused the message.
func (h *Host) store(m *message.Message, from *Channel) (last uint64, taken bool) {
	taken = true
	for _, name := range h.routed {
		q := h.queues[name]
		n, ok := q.take(m, from)
		from.known = from.known || q.Settings().RefusesEach()
		last = max(last, n)
		taken = taken && ok
	}
	return last, taken
}
