package infrastructure

import (
	"time"

	"warren.example/06-services/money"
	"warren.example/06-services/services/order/application"
	"warren.example/06-services/services/order/order"
)

type orderJSON struct {
	ID       string       `json:"id"`
	Customer string       `json:"customer"`
	Status   order.Status `json:"status"`
	Reason   string       `json:"reason,omitempty"`
	Items    []order.Item `json:"items,omitempty"`
	Total    money.Money  `json:"total"`
	Priority bool         `json:"priority,omitempty"`
	Refund   string       `json:"refund,omitempty"`
	PlacedAt time.Time    `json:"placed_at"`
}

func writeOrder(o order.Order, at time.Time) orderJSON {
	return orderJSON{ID: o.ID, Customer: o.Customer, Status: o.Status, Reason: o.Reason, Items: o.Items, Total: o.Total,
		Priority: o.Priority, Refund: o.Refund, PlacedAt: at.UTC()}
}

type listJSON struct {
	Orders []orderJSON `json:"orders"`
	Next   string      `json:"next,omitempty"` // the next page's after; empty: this is the last one
}

func writeLines(lines []application.Line, limit int) listJSON {
	list := listJSON{Orders: []orderJSON{}}
	for _, l := range lines {
		list.Orders = append(list.Orders, orderJSON{ID: l.ID, Customer: l.Customer, Status: l.Status, Reason: l.Reason,
			Total: l.Total, PlacedAt: l.At.UTC()})
	}
	if len(lines) == limit {
		list.Next = lines[limit-1].ID
	}
	return list
}

type eventJSON struct {
	Version int64       `json:"version"`
	Type    string      `json:"type"`
	At      time.Time   `json:"at"`
	Body    order.Event `json:"body"`
}

type eventsJSON struct {
	Events []eventJSON `json:"events"`
}

func writeEvents(facts []application.Fact) eventsJSON {
	var list eventsJSON
	for _, f := range facts {
		list.Events = append(list.Events, eventJSON{Version: f.Version, Type: f.Event.Name(), At: f.At.UTC(), Body: f.Event})
	}
	return list
}

type sagaJSON struct {
	Key      string     `json:"key"`
	Order    string     `json:"order"`
	State    string     `json:"state"`
	Reason   string     `json:"reason,omitempty"`
	Asks     int        `json:"asks"`
	Failures int        `json:"failures"`
	Overdue  bool       `json:"overdue"`
	Deadline *time.Time `json:"deadline,omitempty"`
}

type sagasJSON struct {
	Sagas []sagaJSON `json:"sagas"`
	Next  string     `json:"next,omitempty"`
}

func writeSagas(sagas []application.Saga, limit int) sagasJSON {
	list := sagasJSON{Sagas: []sagaJSON{}}
	for _, s := range sagas {
		line := sagaJSON{Key: s.Key, Order: s.Order, State: string(s.State), Reason: s.Reason, Asks: s.Asks, Failures: s.Failures,
			Overdue: s.Overdue}
		if !s.Deadline.IsZero() {
			at := s.Deadline.UTC()
			line.Deadline = &at
		}
		list.Sagas = append(list.Sagas, line)
	}
	if len(sagas) == limit {
		list.Next = sagas[limit-1].Key
	}
	return list
}
