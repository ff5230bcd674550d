package payment

import (
	"context"
	"fmt"

	"warren.example/06-services/events"
	"warren.example/06-services/failpoint"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/service"
	"warren.example/06-services/store"
)

// Every command has two transactions, since the provider must not be asked within one: it would be held open for seconds, and
// a crash would undo it while the money is gone.
//
//	tx1  the payment is asked for: whoever comes after a crash knows that the provider may have it
//	     the provider is asked, under the order's id as its key
//	tx2  what it said, the inbox' mark and the answer
type handlers struct {
	env      *service.Env
	provider *client
}

func (s *handlers) commands() inbox.Handlers {
	return inbox.Handlers{
		events.PaymentCharge{}.Name(): {Handle: s.charge, Again: s.chargeAgain},
		events.PaymentVoid{}.Name():   {Handle: s.void, Again: s.voidAgain},
		events.PaymentRefund{}.Name(): {Handle: s.refund, Again: s.refundAgain},
	}
}

func (s *handlers) charge(ctx context.Context, m events.Message) (inbox.Effect, error) {
	p, err := events.Decode[events.PaymentCharge](m)
	if err != nil {
		return nil, err
	}
	c := Charge
	if !m.NotAfter.IsZero() && s.env.Now().After(m.NotAfter) {
		c = LateCharge
	}
	return s.obey(ctx, m, c, Payment{Order: p.Order, Amount: p.Amount})
}

func (s *handlers) void(ctx context.Context, m events.Message) (inbox.Effect, error) {
	p, err := events.Decode[events.PaymentVoid](m)
	if err != nil {
		return nil, err
	}
	return s.obey(ctx, m, Void, Payment{Order: p.Order})
}

// obey does both halves of a command. wanted is what to store for an order that is new.
func (s *handlers) obey(ctx context.Context, m events.Message, c Command, wanted Payment) (inbox.Effect, error) {
	if err := checkKey("order", wanted.Order); err != nil {
		return nil, err
	}
	var p Payment
	var step Step
	err := s.env.DB.Do(ctx, func(tx store.Querier) (err error) {
		if p, err = lock(ctx, tx, wanted.Order); err != nil {
			return err
		}
		step = Decide(p.State, c)
		if step.Next == p.State {
			return nil
		}
		p.Amount, p.State = wanted.Amount, step.Next
		if p.State == Declined {
			p.Reason = "too_late"
		}
		return save(ctx, tx, p)
	})
	if err != nil {
		return nil, err
	}
	failpoint.Reach("payment.asked")
	told, err := s.ask(ctx, step.Ask, p)
	if err != nil {
		return nil, fmt.Errorf("%s for order %s: %w", c, p.Order, err)
	}
	failpoint.Reach("payment.told")
	return func(ctx context.Context, tx *outbox.Tx) error { return s.settle(ctx, tx, m, c, p.Order, told) }, nil
}

// ask asks the provider and returns what became of the money, or None if there was nothing to ask.
func (s *handlers) ask(ctx context.Context, a Ask, p Payment) (State, error) {
	switch a {
	case AskVoid:
		return s.provider.void(ctx, p.Order)
	case AskAgain:
		if told, ok, err := s.provider.lookup(ctx, p.Order); ok || err != nil {
			return told, err
		}
		return s.provider.charge(ctx, p.Order, p.Amount)
	case AskCharge:
		return s.provider.charge(ctx, p.Order, p.Amount)
	default:
		return None, nil
	}
}

// settle stores what the provider told, None for nothing, and answers by what holds then: another command may have been faster.
func (s *handlers) settle(ctx context.Context, tx *outbox.Tx, m events.Message, c Command, order string, told State) error {
	p, err := lock(ctx, tx, order)
	if err != nil {
		return err
	}
	if told != None {
		next, ok := Settle(p.State, told)
		if !ok {
			return fmt.Errorf("the provider says that the money for order %s is %.40q, but it is %s", order, told, p.State)
		}
		if next != p.State {
			p.State = next
			if p.State == Declined {
				p.Reason = "declined"
			}
			if err := save(ctx, tx, p); err != nil {
				return err
			}
		}
	}
	answer, ok := Answer(c, p)
	if !ok {
		return fmt.Errorf("the money for order %s is %q: there is nothing to answer", order, p.State)
	}
	return s.send(ctx, tx, m, order, answer)
}

func (s *handlers) send(ctx context.Context, tx *outbox.Tx, m events.Message, order string, answer events.Payload) error {
	s.env.Observe("payment.answer", 1, "answer", answer.Name())
	s.env.Log.DebugContext(ctx, "payment", "order", order, "command", m.Type, "answer", answer.Name())
	return tx.Send(ctx, answer, events.About{Correlation: order, Cause: m.ID, Now: s.env.Now()})
}

// chargeAgain answers a charge that was done before. No provider is needed for that: the state is final.
func (s *handlers) chargeAgain(_ context.Context, m events.Message) (inbox.Effect, error) {
	p, err := events.Decode[events.PaymentCharge](m)
	return func(ctx context.Context, tx *outbox.Tx) error { return s.settle(ctx, tx, m, Charge, p.Order, None) }, err
}

func (s *handlers) voidAgain(_ context.Context, m events.Message) (inbox.Effect, error) {
	p, err := events.Decode[events.PaymentVoid](m)
	return func(ctx context.Context, tx *outbox.Tx) error { return s.settle(ctx, tx, m, Void, p.Order, None) }, err
}
