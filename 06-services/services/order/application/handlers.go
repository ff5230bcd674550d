package application

import (
	"context"

	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/services/order/saga"
)

// Handlers returns what is done with the answers of inventory and payment: each is an input of a saga.
func (a *Orders) Handlers() inbox.Handlers {
	h := inbox.Handlers{}
	on(h, a, saga.StockReserved, func(p events.StockReserved) (string, string) { return p.Order, "" })
	on(h, a, saga.StockRejected, func(p events.StockRejected) (string, string) { return p.Order, rejected(p.Reason) })
	on(h, a, saga.StockReleased, func(p events.StockReleased) (string, string) { return p.Order, "" })
	on(h, a, saga.StockCommitted, func(p events.StockCommitted) (string, string) { return p.Order, "" })
	on(h, a, saga.StockReturned, func(p events.StockReturned) (string, string) { return p.Refund, "" })
	on(h, a, saga.Captured, func(p events.PaymentCaptured) (string, string) { return p.Order, "" })
	on(h, a, saga.Declined, func(p events.PaymentDeclined) (string, string) { return p.Order, declined(p.Reason) })
	on(h, a, saga.Voided, func(p events.PaymentVoided) (string, string) { return p.Order, "" })
	on(h, a, saga.Refunded, func(p events.PaymentRefunded) (string, string) { return p.Refund, "" })
	on(h, a, saga.RefundFailed, func(p events.PaymentRefundFailed) (string, string) { return p.Refund, "" })
	return h
}

// on adds a handler for an answer. about says which saga it is for, and why it says no.
func on[P events.Payload](h inbox.Handlers, a *Orders, in saga.Input, about func(P) (key, reason string)) {
	inbox.On(h, func(ctx context.Context, tx *outbox.Tx, m events.Message, p P) error {
		key, reason := about(p)
		row, ok, err := a.Store.Saga(ctx, tx, key)
		if err != nil {
			return err
		}
		if !ok {
			a.Observe("saga.ignored", 1, "state", "", "input", string(in))
			a.Log.WarnContext(ctx, "answer for an unknown saga", "saga", key, "order", m.Correlation, "message", m.ID)
			return nil
		}
		_, err = a.step(ctx, tx, row, in, reason, m.ID)
		return err
	})
}

// rejected returns why an order comes to nothing whose goods were rejected.
func rejected(reason string) string {
	switch reason {
	case "out_of_stock":
		return saga.OutOfStock
	case "unknown_product":
		return saga.UnknownProduct
	}
	return saga.NoAnswer // "too_late" and "released": nobody has answered in time
}

// declined returns why an order comes to nothing whose payment was declined.
func declined(reason string) string {
	if reason == "too_late" {
		return saga.NoAnswer
	}
	return saga.PaymentDeclined
}
