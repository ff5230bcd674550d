package workers_test

import (
	"fmt"
	"strings"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// answers returns what Work has told the broker about deliveries: acks, nacks and rejects.
func (s *stage) answers() []tap.Event {
	s.lab.Fence(s.conn)
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: isAnswer})
}

func isAnswer(e tap.Event) bool {
	switch e.Method.(type) {
	case *wire.BasicAck, *wire.BasicNack, *wire.BasicReject:
		return true
	}
	return false
}

// answerTo returns the answer to the first delivery of an order, nil while there is none.
func (s *stage) answerTo(order string) *tap.Event {
	delivery, ok := s.lab.Tap.Recording().First(tap.Filter{Method: "basic.deliver", Where: func(e tap.Event) bool {
		return string(e.Body) == order
	}})
	if !ok {
		return nil
	}
	tag := delivery.Method.(*wire.BasicDeliver).DeliveryTag
	for _, e := range s.answers() {
		if e.Seq < delivery.Seq {
			continue
		}
		switch m := e.Method.(type) {
		case *wire.BasicAck:
			if m.DeliveryTag == tag || m.Multiple && m.DeliveryTag > tag {
				return &e
			}
		case *wire.BasicNack:
			if m.DeliveryTag == tag || m.Multiple && m.DeliveryTag > tag {
				return &e
			}
		case *wire.BasicReject:
			if m.DeliveryTag == tag {
				return &e
			}
		}
	}
	return nil
}

// about returns the deliveries of an order, what its handle did, and all answers, for the label wire.
func (s *stage) about(order string) string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch {
		case e.Name() == "basic.deliver":
			return string(e.Body) == order
		case e.Name() == "note":
			return strings.Contains(e.Text, fmt.Sprintf("%q", order))
		}
		return e.From == tap.Client && isAnswer(e)
	}})...)
}
