package vhost

import (
	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/wire"
)

// get gives out one message, if there is one.
func (ch *Channel) get(m *wire.BasicGet) *fault.Error {
	q, err := ch.readable(m.Queue)
	if err != nil {
		return err
	}
	h := ch.host
	h.refresh(q)
	e, remaining, ok, err := q.Get(h.now, m.NoAck)
	if err != nil {
		return err
	}
	q.touch()
	if !ok {
		ch.answer(false, &wire.BasicGetEmpty{})
		return nil
	}
	ch.tag++
	if !m.NoAck {
		ch.hold(q, e, nil)
	} else {
		q.noteOne(Removed, e)
	}
	ch.note(q, e)
	ch.out.Send(&wire.BasicGetOk{
		DeliveryTag: ch.tag, Redelivered: e.Redelivered, Exchange: e.Message.Exchange, RoutingKey: e.Message.RoutingKey,
		MessageCount: uint32(remaining),
	}, e.Message)
	return nil
}
