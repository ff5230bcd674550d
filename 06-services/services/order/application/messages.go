package application

import (
	"context"
	"fmt"
	"time"

	"warren.example/06-services/events"
	"warren.example/06-services/outbox"
	"warren.example/06-services/services/order/order"
	"warren.example/06-services/services/order/saga"
)

// command makes the command that a saga asks for. key is the saga's: of a refund it is the refund's id.
func command(o order.Order, key string, d saga.Decision, cause string, now time.Time) (events.Message, error) {
	about := events.About{Correlation: o.ID, Cause: cause, Now: now}
	if d.Expires > 0 {
		about.NotAfter = now.Add(d.Expires)
	}
	var p events.Payload
	switch d.Send {
	case events.StockReserve{}.Name():
		p = events.StockReserve{Order: o.ID, Lines: lines(o)}
	case events.StockRelease{}.Name():
		p = events.StockRelease{Order: o.ID}
	case events.StockCommit{}.Name():
		p = events.StockCommit{Order: o.ID}
	case events.StockReturn{}.Name():
		p = events.StockReturn{Order: o.ID, Refund: key}
	case events.PaymentCharge{}.Name():
		p = events.PaymentCharge{Order: o.ID, Customer: o.Customer, Amount: o.Total}
	case events.PaymentVoid{}.Name():
		p = events.PaymentVoid{Order: o.ID}
	case events.PaymentRefund{}.Name():
		p = events.PaymentRefund{Order: o.ID, Refund: key, Amount: o.Total}
	default:
		return events.Message{}, fmt.Errorf("order %s: the saga asks for %q, which is none of its commands", o.ID, d.Send)
	}
	return events.New(p, about)
}

// tell sends what other services want to know of an event; of most they want to know nothing.
func tell(ctx context.Context, tx *outbox.Tx, o order.Order, f Fact, cause string) error {
	var p events.Payload
	switch e := f.Event.(type) {
	case order.WasPlaced:
		p = events.OrderPlaced{Order: o.ID, Customer: o.Customer, Items: items(o), Total: o.Total, Priority: o.Priority}
	case order.WasConfirmed:
		p = events.OrderConfirmed{Order: o.ID, Customer: o.Customer, Items: items(o), Total: o.Total, Priority: o.Priority}
	case order.WasCancelled:
		p = events.OrderCancelled{Order: o.ID, Customer: o.Customer, Reason: e.Reason}
	case order.WasRefunded:
		p = events.OrderRefunded{Order: o.ID, Customer: o.Customer, Refund: o.Refund, Amount: o.Total}
	default:
		return nil
	}
	return tx.Send(ctx, p, events.About{Correlation: o.ID, Cause: cause, Version: f.Version, Now: f.At})
}

// wishes returns what a saga's decision wants of the order, or nil.
func wishes(d saga.Decision, refund string) order.Command {
	switch d.Order {
	case saga.Reserve:
		return order.Reserve{}
	case saga.Confirm:
		return order.Confirm{}
	case saga.Drop:
		return order.Cancel{Reason: d.Saga.Reason}
	case saga.AskRefund:
		return order.AskRefund{Refund: refund}
	case saga.Overcharge:
		return order.Overcharge{Refund: refund}
	case saga.GetStuck:
		return order.GetStuck{}
	case saga.Unstick:
		return order.Resume{}
	case saga.GiveBack:
		return order.Refund{}
	case saga.Repay:
		return order.Repay{}
	}
	return nil
}

func items(o order.Order) []events.Item {
	items := make([]events.Item, len(o.Items))
	for i, item := range o.Items {
		items[i] = events.Item(item)
	}
	return items
}

func lines(o order.Order) []events.Line {
	lines := make([]events.Line, len(o.Items))
	for i, item := range o.Items {
		lines[i] = events.Line{SKU: item.SKU, Quantity: item.Quantity}
	}
	return lines
}
