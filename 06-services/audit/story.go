package audit

import (
	"bytes"
	"encoding/json"
	"slices"

	"warren.example/06-services/events"
)

// once are the events of which an order has one at most. Answers to commands aren't among them: who asks again is answered
// again, in a message of its own.
var once = []string{"order.placed", "order.confirmed", "order.cancelled", "order.refunded"}

// wants says which of them an order has told, by its status. "confirmed" wants order.placed and order.confirmed, and no other.
var wants = map[string][]string{
	"placed":       {"order.placed"},
	"reserved":     {"order.placed"},
	"confirmed":    {"order.placed", "order.confirmed"},
	"refunding":    {"order.placed", "order.confirmed"},
	"refund_stuck": {"order.placed", "order.confirmed"},
	"refunded":     {"order.placed", "order.confirmed", "order.refunded"},
	"cancelled":    {"order.placed", "order.cancelled"},
}

// A told is what the stream tells of one order.
type told struct {
	ids      map[string][]string // message ids by type, each once
	captured int64
	refunds  map[string]int64 // by refund
}

// story wants that the events tell of each order what the order service and the payment provider say of it.
func (j *judge) story() {
	seen := map[string]Entry{}
	orders := map[string]*told{}
	for _, e := range j.Stream {
		if first, ok := seen[e.ID]; ok { // a re-send: the same message, as its sender could not know that it had come
			if first.Type != e.Type || !bytes.Equal(first.Body, e.Body) {
				j.add(Story, e.ID, "two messages with one id: %s and %s", first.Type, e.Type)
			}
			continue
		}
		seen[e.ID] = e
		j.read(e, orders)
	}
	for id, o := range j.Orders {
		t := orders[id]
		if t == nil {
			t = &told{}
		}
		for _, name := range once {
			n := len(t.ids[name])
			switch wanted := slices.Contains(wants[o.Status], name); {
			case n > 1:
				j.add(Story, id, "%s was told %d times, each in a message of its own", name, n)
			case wanted && n == 0:
				j.add(Story, id, "it is %s, and %s was never told", o.Status, name)
			case !wanted && n > 0 && wants[o.Status] != nil:
				j.add(Story, id, "it is %s, and %s was told", o.Status, name)
			}
		}
		j.payment(id, t)
	}
	for id := range orders {
		if _, ok := j.Orders[id]; !ok {
			j.add(Story, id, "events tell of an order that nobody knows")
		}
	}
}

// payment wants the money that was told to be the money that moved.
func (j *judge) payment(id string, t *told) {
	var refunded int64
	for _, n := range t.refunds {
		refunded += n
	}
	c := j.Charges[id]
	if t.captured != c.Captured.Minor {
		j.add(Story, id, "%d was told to be captured, the provider has %d", t.captured, c.Captured.Minor)
	}
	if refunded != c.Refunded.Minor {
		j.add(Story, id, "%d was told to be refunded, the provider has %d", refunded, c.Refunded.Minor)
	}
}

// read takes what one event tells of an order.
func (j *judge) read(e Entry, orders map[string]*told) {
	d, ok := events.Lookup(e.Type)
	if !ok {
		j.add(Story, e.ID, "nobody knows events of type %q", e.Type)
		return
	}
	var body struct {
		Order  string
		Refund string
		Amount struct{ Minor int64 }
	}
	if err := json.Unmarshal(e.Body, &body); err != nil {
		j.add(Story, e.ID, "%s can't be read", e.Type)
		return
	}
	if e.Service != d.From {
		j.add(Story, e.ID, "%s is %s's to tell, and came from %q", e.Type, d.From, e.Service)
	}
	if body.Order == "" {
		return
	}
	t := orders[body.Order]
	if t == nil {
		t = &told{ids: map[string][]string{}, refunds: map[string]int64{}}
		orders[body.Order] = t
	}
	t.ids[e.Type] = append(t.ids[e.Type], e.ID)
	switch e.Type {
	case "payment.captured":
		t.captured = body.Amount.Minor
	case "payment.refunded":
		t.refunds[body.Refund] = body.Amount.Minor
	}
}
