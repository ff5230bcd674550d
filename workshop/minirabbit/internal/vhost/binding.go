package vhost

import (
	"strings"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/wire"
)

func (ch *Channel) bindExchange(m *wire.ExchangeBind) *fault.Error {
	err := ch.bind(routing.Binding{
		Source: m.Source, Destination: m.Destination, ToExchange: true, Key: m.RoutingKey, Arguments: m.Arguments,
	})
	if err == nil {
		ch.answer(m.NoWait, &wire.ExchangeBindOk{})
	}
	return err
}

func (ch *Channel) unbindExchange(m *wire.ExchangeUnbind) *fault.Error {
	err := ch.unbind(routing.Binding{
		Source: m.Source, Destination: m.Destination, ToExchange: true, Key: m.RoutingKey, Arguments: m.Arguments,
	})
	if err == nil {
		ch.answer(m.NoWait, &wire.ExchangeUnbindOk{})
	}
	return err
}

func (ch *Channel) bindQueue(m *wire.QueueBind) *fault.Error {
	queue, key, err := ch.lastDeclared(m.Queue, m.RoutingKey)
	if err != nil {
		return err
	}
	err = ch.bind(routing.Binding{Source: m.Exchange, Destination: queue, Key: key, Arguments: m.Arguments})
	if err == nil {
		ch.answer(m.NoWait, &wire.QueueBindOk{})
	}
	return err
}

func (ch *Channel) unbindQueue(m *wire.QueueUnbind) *fault.Error {
	queue, key, err := ch.lastDeclared(m.Queue, m.RoutingKey)
	if err != nil {
		return err
	}
	err = ch.unbind(routing.Binding{Source: m.Exchange, Destination: queue, Key: key, Arguments: m.Arguments})
	if err == nil {
		ch.answer(false, &wire.QueueUnbindOk{})
	}
	return err
}

// lastDeclared fills in what an empty name of a queue means, and with it an empty key: the queue that the channel declared
// last (AMQP 0-9-1, queue.bind).
func (ch *Channel) lastDeclared(queue, key string) (string, string, *fault.Error) {
	if queue != "" {
		return queue, key, nil
	}
	if ch.lastQueue == "" {
		return "", "", fault.Channel(fault.NotFound, "no previously declared queue")
	}
	if key == "" {
		key = ch.lastQueue
	}
	return ch.lastQueue, key, nil
}

func (ch *Channel) bind(b routing.Binding) *fault.Error {
	h := ch.host
	b.Source, b.Destination = withoutLineEnds(b.Source), withoutLineEnds(b.Destination)
	if err := ch.checkBinding(b); err != nil {
		return err
	}
	if _, ok := h.graph.Exchange(b.Source); !ok {
		return h.missing(kindExchange, b.Source)
	}
	if err := ch.checkDestination(b); err != nil {
		return err
	}
	return refusal(h.addBinding(b))
}

// addBinding makes the binding and tells the journal, if it is to outlive a restart.
func (h *Host) addBinding(b routing.Binding) error {
	added, err := h.graph.Bind(b)
	if err != nil {
		return err
	}
	if added && h.durable(b) {
		h.append(&Event{Kind: Bound, Binding: b})
	}
	return nil
}

// durable tells whether both ends of a binding are durable.
func (h *Host) durable(b routing.Binding) bool {
	if x, ok := h.graph.Exchange(b.Source); !ok || !x.Durable {
		return false
	}
	if b.ToExchange {
		x, ok := h.graph.Exchange(b.Destination)
		return ok && x.Durable
	}
	q, ok := h.queues[b.Destination]
	return ok && q.Settings().Durable
}

// unbind removes a binding. One that is not there is no error, whether or not its ends exist.
func (ch *Channel) unbind(b routing.Binding) *fault.Error {
	h := ch.host
	b.Source, b.Destination = withoutLineEnds(b.Source), withoutLineEnds(b.Destination)
	if err := ch.checkBinding(b); err != nil {
		return err
	}
	if !b.ToExchange {
		if q := h.queues[b.Destination]; q != nil && h.bound(b) {
			if err := ch.checkOwner(q); err != nil {
				return err
			}
		}
	}
	_, removed := h.graph.Unbind(b)
	h.gone(removed)
	return nil
}

// bound tells whether there is such a binding.
func (h *Host) bound(b routing.Binding) bool {
	for _, other := range h.graph.BindingsTo(b.Destination, b.ToExchange) {
		if other.Same(b) {
			return true
		}
	}
	return false
}

// checkBinding returns why the user may not make or remove the binding, in RabbitMQ's order.
func (ch *Channel) checkBinding(b routing.Binding) *fault.Error {
	kind := kindQueue
	if b.ToExchange {
		kind = kindExchange
	} else if ch.host.version.RepliesAreQueues() && strings.HasPrefix(b.Destination, replyToPrefix) {
		return fault.Channel(fault.AccessRefused, "cannot bind or unbind to a volatile (direct reply-to) queue")
	}
	if err := ch.check(Write, kind, b.Destination); err != nil {
		return err
	}
	if b.Source == "" || (b.ToExchange && b.Destination == "") {
		return onDefault()
	}
	return ch.check(Read, kindExchange, b.Source)
}

// checkDestination returns the error if the other end of a binding is not there, or is another connection's.
func (ch *Channel) checkDestination(b routing.Binding) *fault.Error {
	h := ch.host
	if b.ToExchange {
		if _, ok := h.graph.Exchange(b.Destination); !ok {
			return h.missing(kindExchange, b.Destination)
		}
		return nil
	}
	q, err := ch.find(b.Destination)
	if err != nil {
		return err
	}
	return ch.checkOwner(q)
}

// gone tells the journal what package routing removed.
func (h *Host) gone(r routing.Removed) {
	for _, b := range r.Bindings {
		h.append(&Event{Kind: Unbound, Binding: b})
	}
	for _, x := range r.Exchanges {
		h.exchangeGone(x)
	}
}

func (h *Host) exchangeGone(x routing.Exchange) {
	delete(h.exchanges, x.Name)
	if x.Durable {
		h.append(&Event{Kind: ExchangeDeleted, Exchange: x})
	}
}
