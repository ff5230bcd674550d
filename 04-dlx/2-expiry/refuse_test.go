package expiry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/2-expiry"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestImpossibleLimitsAreRefused(t *testing.T) {
	for _, bad := range []time.Duration{0, -time.Second, time.Millisecond - 1} {
		for _, l := range []expiry.Limits{
			{Unpaid: []time.Duration{time.Hour, bad}, Reminded: time.Hour},
			{Unpaid: []time.Duration{time.Hour}, Reminded: bad},
		} {
			t.Run(fmt.Sprint(l), func(t *testing.T) {
				s := newStage(t)

				ch, err := s.declare(l)

				claim := lab.Claim{
					Want: "an error, and nothing is declared",
					Why:  "a configuration without a limit: each basket is late in the moment in which it is filled",
					Wire: s.declarations(),
					Read: aboutTTL,
				}
				claim.Saw = fmt.Sprintf("Declare(%v) returned nil", l)
				s.lab.Error(err, claim)
				claim.Saw = fmt.Sprintf("Declare(%v) returned an error, and has declared something", l)
				s.lab.Check(len(s.declared()) == 0, claim)
				claim.Saw, claim.Want = fmt.Sprintf("Declare(%v) returned an error, and its channel is closed", l), "ch stays open"
				s.lab.Check(!ch.IsClosed(), claim)
			})
		}
	}
}

// TestCutAnywhereStrandsNoBasket cuts the connection before the first thing that Declare says, then before the second, and so
// on. Another service is at work already.
func TestCutAnywhereStrandsNoBasket(t *testing.T) {
	s := newStage(t)
	for step := range s.lab.Sweep(tap.Filter{From: tap.Client}, tap.Before) {
		s.lab.DeleteQueue(expiry.Reminded)
		s.lab.DeleteQueue(expiry.Expired)
		// What baskets wait in has no name that a test could know: so each step has a limit of its own.
		limit := s.short + time.Duration(step.N)*time.Millisecond
		limits := expiry.Limits{Unpaid: []time.Duration{limit}, Reminded: s.short}
		ch := s.lab.Channel()
		step.Begin()

		err := s.declareOn(ch, limits)

		claim := lab.Claim{Wire: step.Wire(), Read: aboutTTL}
		if !step.Struck() {
			claim.Saw, claim.Want = fmt.Sprintf("nothing was cut, and Declare returned: %v", err), "nil"
			s.lab.NoError(err, claim)
			continue
		}
		claim.Saw, claim.Want = fmt.Sprintf("%s, and Declare returned nil", step), "an error: not everything is declared"
		s.lab.Error(err, claim)

		under := 0 // baskets on their way
		if s.publish(basket(7), limit) == nil {
			under++
		}
		if s.lab.Exists(expiry.Reminded) {
			s.lab.Publish(expiry.Reminded, "basket-6")
			under++
		}
		s.wait(limit)
		s.wait(s.short)
		claim.Saw = fmt.Sprintf("%s: %d baskets were taken all the same; after their limits they are not in %s", step, under,
			expiry.Expired)
		claim.Want = "whatever is there leads to the end"
		claim.Why = "a deployment is broken off in the middle, another service goes on, and RabbitMQ drops each basket that is late"
		if under > 0 {
			s.lab.Check(s.lab.Exists(expiry.Expired), claim)
			s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(expiry.Expired) == under }), claim)
		}
		s.mustDeclare("the connection had broken in the middle", limits)
	}
}

func TestUnknownLimitIsAnError(t *testing.T) {
	s := newShop(t)
	before := len(s.declared())
	for _, limit := range []time.Duration{7 * s.short, 0, -s.short} {
		err := s.publish(basket(7), limit)

		claim := lab.Claim{
			Want: "an error: basket-7 waits nowhere",
			Why:  "RabbitMQ acks what no queue takes, and throws it away: the shop believes that it will hear of the basket",
			Wire: s.story(),
			Read: "02-exchanges/README.md#unroutable",
		}
		claim.Saw = fmt.Sprintf("Declare was never given a limit of %v, and Publish returned nil for it", limit)
		s.lab.Error(err, claim)
		claim.Saw = fmt.Sprintf("Declare was never given a limit of %v, and Publish declares something for it", limit)
		claim.Want = "an error, and nothing new is declared"
		claim.Why = "a limit that is computed, or comes from a form, makes queue after queue, and nobody takes them away"
		s.lab.Check(len(s.declared()) == before, claim)
	}
	s.mustPublish(basket(8), s.short)
	s.wait(s.short)
	s.moved(basket(8), expiry.Reminded, lab.Claim{
		Saw:  fmt.Sprintf("Publish returned an error for basket-7; then %s has something else than basket-8", expiry.Reminded),
		Want: "basket-7 waits nowhere",
	})
}

func TestPublishWaitsForTheAnswer(t *testing.T) {
	for name, fault := range map[string]tap.Fault{"refused": tap.Refuse{}, "cut": tap.Cut{
		On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.publish"}}, When: tap.Before,
	}} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			rule := s.lab.Tap.Add(fault)

			err := s.publish(basket(7), s.short)

			rule.Remove()
			s.lab.Error(err, lab.Claim{
				Saw:  fmt.Sprintf("the basket did not reach RabbitMQ (%v), and Publish returned nil", rule),
				Want: "an error: nil means that RabbitMQ has the basket",
				Why:  "the basket is nowhere, and the shop believes that it will hear of it",
				Wire: s.story(),
				Read: "03-durability/README.md#confirm",
			})
		})
	}
}

func TestEndOfCtxEndsTheWait(t *testing.T) {
	s := newShop(t)
	held := s.lab.Tap.Add(tap.HoldConfirm{})
	conn, limit := s.conn, s.short
	call := s.lab.Go("Publish", func(ctx context.Context) error { return expiry.Publish(ctx, conn, basket(7), limit) })
	s.lab.Soon(func() bool { return held.Struck() > 0 || !call.Running() })

	call.Stop()

	err := call.Wait()
	s.lab.Check(errors.Is(err, context.Canceled), lab.Claim{
		Saw:  fmt.Sprintf("ctx ended before RabbitMQ had answered, and Publish returned: %v", err),
		Want: "an error that wraps ctx's",
		Why:  "the customer has closed the page, and the request still waits",
		Wire: s.story(),
		Read: "03-durability/README.md#confirm",
	})
}

func TestDeclareAgainKeepsWhatWaits(t *testing.T) {
	s := newShop(t)
	s.mustPublish(basket(7), s.short)
	more := s.limits
	more.Unpaid = slices.Insert(slices.Clone(more.Unpaid), 0, 2*s.short)

	s.mustDeclare("Declare had been called before", s.limits)
	s.mustDeclare("Declare had been called before, with one limit less", more)

	s.wait(s.short)
	s.moved(basket(7), expiry.Reminded, lab.Claim{
		Saw:  "basket-7 waited, another service called Declare, and basket-7 never came to " + expiry.Reminded,
		Want: "what is there stays as it is, with all that waits in it",
		Why:  "each start of any service throws away what waits",
	})
	s.mustPublish(basket(8), 2*s.short)

	other := s.limits
	other.Reminded = 2 * time.Hour
	_, err := s.declare(other)

	var refused *amqp.Error
	claim := lab.Claim{
		Want: "RabbitMQ's error (406, PRECONDITION_FAILED)",
		Why:  "somebody has changed a limit, believes that it counts, and the old one does",
		Wire: s.declarations(),
		Read: aboutTTL,
	}
	claim.Saw = expiry.Reminded + " is there with another limit, and Declare returned nil"
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("%s is there with another limit, and Declare returned: %v", expiry.Reminded, err)
	s.lab.Check(errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed, claim)
	s.wait(2 * s.short)
	s.moved(basket(8), expiry.Reminded, lab.Claim{
		Saw:  fmt.Sprintf("basket-8 waited, a Declare met a conflict, and basket-8 never came to %s", expiry.Reminded),
		Want: "nothing is deleted or emptied",
		Why:  "a new version is rolled out, and all baskets that wait are thrown away",
	})
}
