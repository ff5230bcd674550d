package application

import (
	"context"
	"fmt"

	"warren.example/06-services/auth"
	"warren.example/06-services/outbox"
	"warren.example/06-services/services/order/order"
	"warren.example/06-services/services/order/saga"
)

// Cancel asks to cancel an order, and returns what it is now: that it is cancelled comes later, when its goods are free and its
// money is safe. A confirmed order is refunded. Asking again changes nothing.
func (a *Orders) Cancel(ctx context.Context, who auth.Customer, id string) (order.Order, error) {
	return a.wish(ctx, who, id, saga.Cancel)
}

// wish lets a customer's wish happen to the sale of an order. It returns ErrNotFound for an order that isn't the customer's,
// and ErrRefused if the order's status forbids it.
func (a *Orders) wish(ctx context.Context, who auth.Customer, id string, in saga.Input) (o order.Order, err error) {
	err = a.do(ctx, func(ctx context.Context, tx *outbox.Tx) error {
		row, ok, err := a.Store.Saga(ctx, tx, id)
		if err != nil {
			return err
		}
		if o, err = a.load(ctx, tx, id); err != nil {
			return err
		}
		if !ok || row.Order != id || !mayRead(who, o) {
			return ErrNotFound
		}
		outcome, err := a.step(ctx, tx, row, in, "", "")
		if err != nil {
			return err
		}
		if outcome == saga.Refused {
			return fmt.Errorf("%w: %s", ErrRefused, o.Status)
		}
		o, err = a.load(ctx, tx, id)
		return err
	})
	return o, err
}
