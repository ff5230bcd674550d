package vhost

import (
	"strings"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/wire"
)

// deadLetterExchange is the argument of a queue that names where dead messages go (rabbitmq.com/docs/dlx).
const deadLetterExchange = "x-dead-letter-exchange"

// declareQueue makes a queue, or compares it with the one that is there.
func (ch *Channel) declareQueue(m *wire.QueueDeclare) *fault.Error {
	name := withoutLineEnds(m.Queue)
	if strings.HasPrefix(name, replyTo) {
		return ch.declareReplyTo(name, m.NoWait)
	}
	if m.Passive {
		return ch.askForQueue(name, m.NoWait)
	}
	h := ch.host
	name, err := ch.declaredName(name, m)
	if err != nil {
		return err
	}
	if err := ch.check(Configure, kindQueue, name); err != nil {
		return err
	}
	if q, ok := h.queues[name]; ok {
		if err := q.Settings().Equivalent(h.version, m, q.owner == ch.conn); err != nil {
			return err
		}
		ch.declared(q, m.NoWait)
		return nil
	}
	q, err := ch.newQueue(name, m)
	if err != nil {
		return err
	}
	ch.declared(q, m.NoWait)
	return nil
}

// declaredName is the name of the queue to declare: for an empty one, a new name.
func (ch *Channel) declaredName(name string, m *wire.QueueDeclare) (string, *fault.Error) {
	if name != "" {
		return name, reserved(kindQueue, name)
	}
	if err := queue.CheckServerNamed(ch.host.version, m); err != nil {
		return "", err
	}
	return ch.host.names.new("amq.gen-"), nil
}

func (ch *Channel) newQueue(name string, m *wire.QueueDeclare) (*hostQueue, *fault.Error) {
	h := ch.host
	exchange, ok, err := h.exchangeArgument(m.Arguments, deadLetterExchange, kindQueue, name)
	if err != nil {
		return nil, err
	}
	if ok {
		if err := ch.check(Read, kindQueue, name); err != nil {
			return nil, err
		}
		if err := ch.check(Write, kindExchange, exchange); err != nil {
			return nil, err
		}
	}
	declare := *m
	declare.Queue = name
	settings, err := queue.ParseArguments(h.version, h.config.Name, &declare)
	if err != nil {
		return nil, err
	}
	if h.config.Clustered && settings.Kind == queue.Classic && !settings.Exclusive {
		return nil, fault.Connection(fault.NotImplemented, "classic queues in a cluster of minirabbits")
	}
	q := h.addQueue(settings)
	q.node = ch.conn.info.Node // client-local, which is RabbitMQ's default
	if settings.Exclusive {
		q.owner = ch.conn
		ch.conn.queues[q] = struct{}{}
	}
	if settings.Durable {
		h.append(&Event{Kind: QueueDeclared, Queue: name, Declare: &declare})
	}
	return q, nil
}

func (h *Host) addQueue(s queue.Settings) *hostQueue {
	q := newHostQueue(h, s)
	h.queues[s.Name] = q
	h.graph.AddQueue(s.Name)
	return q
}

// askForQueue is declare with passive: it only looks.
func (ch *Channel) askForQueue(name string, noWait bool) *fault.Error {
	if err := ch.checkPassive(kindQueue, name); err != nil {
		return err
	}
	q, err := ch.find(name)
	if err != nil {
		return err
	}
	if err := ch.checkOwner(q); err != nil {
		return err
	}
	ch.declared(q, noWait)
	return nil
}

// declared answers a declaration. The counts are those of now: what should have expired is gone.
func (ch *Channel) declared(q *hostQueue, noWait bool) {
	q.Touch(ch.host.now)
	ch.host.refresh(q)
	ch.lastQueue = q.name
	ch.answer(noWait, &wire.QueueDeclareOk{
		Queue: q.name, MessageCount: uint32(q.Ready()), ConsumerCount: uint32(q.ConsumerCount()),
	})
}

// find returns the queue, or the 404.
func (ch *Channel) find(name string) (*hostQueue, *fault.Error) {
	if q, ok := ch.host.queues[name]; ok {
		return q, nil
	}
	return nil, ch.host.missing(kindQueue, name)
}

// findOwn returns the queue for a method that uses it: an exclusive one is for its connection only.
func (ch *Channel) findOwn(name string) (*hostQueue, *fault.Error) {
	q, err := ch.find(name)
	if err != nil {
		return nil, err
	}
	return q, ch.checkOwner(q)
}

// readable returns the queue for a method that takes messages out of it: an empty name means the last one declared.
func (ch *Channel) readable(name string) (*hostQueue, *fault.Error) {
	name, _, err := ch.lastDeclared(name, "")
	if err != nil {
		return nil, err
	}
	if err := ch.check(Read, kindQueue, name); err != nil {
		return nil, err
	}
	return ch.findOwn(name)
}

// checkOwner returns the 405 of an exclusive queue of another connection.
func (ch *Channel) checkOwner(q *hostQueue) *fault.Error {
	if q.owner == nil || q.owner == ch.conn {
		return nil
	}
	return q.Settings().Locked()
}
