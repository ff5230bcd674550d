package order

import "warren.example/06-services/money"

// An Event is something that has happened to an order. It is never changed and never taken back.
type Event interface{ Name() string }

// WasPlaced is the first event of every order.
type WasPlaced struct {
	Order    string      `json:"order"`
	Customer string      `json:"customer"`
	Items    []Item      `json:"items"`
	Total    money.Money `json:"total"`
	Priority bool        `json:"priority"`
}

// WasReserved says that its goods are kept.
type WasReserved struct{}

// WasConfirmed says that it is paid.
type WasConfirmed struct{}

// WasCancelled says that it came to nothing, and why. Nothing is kept for it any more.
type WasCancelled struct {
	Reason string `json:"reason"`
}

// RefundWasAsked says that a confirmed order is taken back.
type RefundWasAsked struct {
	Refund string `json:"refund"`
}

// RefundGotStuck says that its money couldn't be given back, however often that was tried.
type RefundGotStuck struct{}

// RefundWasResumed says that somebody has had it tried again.
type RefundWasResumed struct{}

// WasRefunded says that the money of a confirmed order is back.
type WasRefunded struct{}

// WasOvercharged says that money was taken for an order that comes to nothing. It goes back.
type WasOvercharged struct {
	Refund string `json:"refund"`
}

// WasRepaid says that this money is back.
type WasRepaid struct{}

func (WasPlaced) Name() string        { return "placed" }
func (WasReserved) Name() string      { return "reserved" }
func (WasConfirmed) Name() string     { return "confirmed" }
func (WasCancelled) Name() string     { return "cancelled" }
func (RefundWasAsked) Name() string   { return "refund_asked" }
func (RefundGotStuck) Name() string   { return "refund_stuck" }
func (RefundWasResumed) Name() string { return "refund_resumed" }
func (WasRefunded) Name() string      { return "refunded" }
func (WasOvercharged) Name() string   { return "overcharged" }
func (WasRepaid) Name() string        { return "repaid" }

// Apply returns the order after an event. It refuses nothing: what has happened has happened. This is the only place where an
// order changes.
func (o Order) Apply(e Event) Order {
	o.Version++
	switch e := e.(type) {
	case WasPlaced:
		o.ID, o.Customer, o.Items, o.Total, o.Priority = e.Order, e.Customer, e.Items, e.Total, e.Priority
		o.Status = Placed
	case WasReserved:
		o.Status = Reserved
	case WasConfirmed:
		o.Status = Confirmed
	case WasCancelled:
		o.Status, o.Reason = Cancelled, e.Reason
	case RefundWasAsked:
		o.Status, o.Refund = Refunding, e.Refund
	case RefundGotStuck:
		o.Status = RefundStuck
	case RefundWasResumed:
		o.Status = Refunding
	case WasRefunded:
		o.Status = Refunded
	case WasOvercharged:
		o.Refund = e.Refund // the status stays: the order itself comes to nothing
	case WasRepaid:
		o.Repaid = true
	}
	return o
}

// Replay returns the order that a stream of events has made.
func Replay(stream []Event) Order {
	var o Order
	for _, e := range stream {
		o = o.Apply(e)
	}
	return o
}
