package payment

import (
	"cmp"
	"context"
	"fmt"
	"regexp"

	"warren.example/06-services/events"
	"warren.example/06-services/failpoint"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/store"
)

// refund gives money back, in two transactions as a charge takes it; the refund's id is the provider's key. Whoever is told
// payment.refund-failed may ask again with a new message: the same message again is only answered again. It has no not-after:
// money that was promised is given back however late.
func (s *handlers) refund(ctx context.Context, m events.Message) (inbox.Effect, error) {
	c, err := events.Decode[events.PaymentRefund](m)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(checkKey("order", c.Order), checkKey("refund", c.Refund)); err != nil {
		return nil, err
	}
	var r Refund
	var step RefundStep
	err = s.env.DB.Do(ctx, func(tx store.Querier) (err error) {
		r, step, err = beginRefund(ctx, tx, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	failpoint.Reach("refund.asked")
	told := RefundNone
	if step.Ask {
		if told, err = s.provider.refund(ctx, r.Order, r.ID, r.Amount); err != nil {
			return nil, fmt.Errorf("refund %s of order %s: %w", r.ID, r.Order, err)
		}
	}
	failpoint.Reach("refund.told")
	return func(ctx context.Context, tx *outbox.Tx) error { return s.settleRefund(ctx, tx, m, c, told) }, nil
}

// beginRefund is tx1: the refund is asked for, or failed if there isn't that much to give back.
func beginRefund(ctx context.Context, tx store.Querier, c events.PaymentRefund) (r Refund, step RefundStep, err error) {
	p, err := lockIfAny(ctx, tx, c.Order) // first: two refunds of an order must not both find enough
	if err != nil {
		return r, step, err
	}
	if r, err = lockRefund(ctx, tx, c.Refund, c.Order, c.Amount); err != nil {
		return r, step, err
	}
	if r.Order != c.Order || r.Amount != c.Amount {
		return r, step, fmt.Errorf("%w: refund %s was asked for with another order or amount", events.ErrMalformed, r.ID)
	}
	step = DecideRefund(r.State)
	if step.Next == r.State {
		return r, step, nil
	}
	r.State, r.Reason = step.Next, ""
	if step.Check {
		taken, err := given(ctx, tx, r.Order, r.ID)
		if err != nil {
			return r, step, err
		}
		if r.Reason = Refusal(p, taken, r.Amount); r.Reason != "" {
			r.State, step.Ask = RefundFailed, false
		}
	}
	return r, step, saveRefund(ctx, tx, r)
}

// settleRefund is tx2: it stores what the provider told, RefundNone for nothing, and answers by what holds then.
func (s *handlers) settleRefund(ctx context.Context, tx *outbox.Tx, m events.Message, c events.PaymentRefund,
	told RefundState) error {
	r, err := lockRefund(ctx, tx, c.Refund, c.Order, c.Amount)
	if err != nil {
		return err
	}
	if told != RefundNone {
		next, ok := SettleRefund(r.State, told)
		if !ok {
			return fmt.Errorf("the provider says that refund %s is %.40q, but it is %q", r.ID, told, r.State)
		}
		if r.State, r.Reason = next, ""; next == RefundFailed {
			r.Reason = "refused"
		}
		if err := saveRefund(ctx, tx, r); err != nil {
			return err
		}
	}
	if r.State == RefundAsked {
		return nil // somebody else has asked once more, and will answer
	}
	answer, ok := RefundAnswer(r)
	if !ok {
		return fmt.Errorf("refund %s is %q: there is nothing to answer", r.ID, r.State)
	}
	return s.send(ctx, tx, m, r.Order, answer)
}

func (s *handlers) refundAgain(_ context.Context, m events.Message) (inbox.Effect, error) {
	c, err := events.Decode[events.PaymentRefund](m)
	return func(ctx context.Context, tx *outbox.Tx) error { return s.settleRefund(ctx, tx, m, c, RefundNone) }, err
}

// keys is what an order's and a refund's id may be, since they are part of paths at the provider, and its idempotency keys.
var keys = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._:-]{0,199}$`)

func checkKey(what, key string) error {
	if !keys.MatchString(key) {
		return fmt.Errorf("%w: %s %.40q", events.ErrMalformed, what, key)
	}
	return nil
}
