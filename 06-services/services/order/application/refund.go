package application

import (
	"context"
	"fmt"

	"warren.example/06-services/auth"
	"warren.example/06-services/outbox"
	"warren.example/06-services/services/order/order"
	"warren.example/06-services/services/order/saga"
)

// Refund asks to take a confirmed order back, and returns what it is now. Asking again changes nothing: there is one refund per
// order. It returns ErrRefused for an order that isn't confirmed.
func (a *Orders) Refund(ctx context.Context, who auth.Customer, id string) (order.Order, error) {
	return a.wish(ctx, who, id, saga.Refund)
}

// Resume lets the sagas of an order that haven't ended ask again at once: an operator has seen to what was wrong. It returns
// ErrRefused if there is none.
func (a *Orders) Resume(ctx context.Context, id string) (o order.Order, err error) {
	err = a.do(ctx, func(ctx context.Context, tx *outbox.Tx) error {
		if o, err = a.load(ctx, tx, id); err != nil {
			return err
		}
		if o.Status == "" {
			return ErrNotFound
		}
		resumed := 0
		for _, key := range []string{id, refundOf(id)} {
			row, ok, err := a.Store.Saga(ctx, tx, key)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			outcome, err := a.step(ctx, tx, row, saga.Resume, "", "")
			if err != nil {
				return err
			}
			if outcome == saga.Taken {
				resumed++
			}
		}
		if resumed == 0 {
			return fmt.Errorf("%w: all its sagas have ended", ErrRefused)
		}
		o, err = a.load(ctx, tx, id)
		return err
	})
	return o, err
}
