package user

import (
	"context"

	"warren.example/06-services/events"
	"warren.example/06-services/money"
	"warren.example/06-services/outbox"
)

// A purchase is an order that somebody has paid for.
type purchase struct {
	Order, User string
	Total       money.Money
}

// orderConfirmed keeps what a customer has bought, and says so. The order is the business key: were the event to come again
// after the inbox has forgotten it, nothing would be said twice.
func (a *accounts) orderConfirmed(ctx context.Context, tx *outbox.Tx, m events.Message, p events.OrderConfirmed) error {
	stored, err := users{tx}.insertPurchase(ctx, purchase{Order: p.Order, User: p.Customer, Total: p.Total}, a.now())
	if err != nil || !stored {
		return err
	}
	return tx.Send(ctx, events.UserPurchase{User: p.Customer, Order: p.Order, Total: p.Total},
		events.About{Correlation: p.Order, Cause: m.ID})
}
