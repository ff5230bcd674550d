package blocked_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/4-blocked"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func isFull(err error) bool { return errors.Is(err, blocked.ErrFull) }

// fill publishes up to the queue's limit.
func (s *stage) fill() {
	for i := range limit {
		s.mustBe(s.send(fmt.Sprintf("order-%d", i+1)), isNil, lab.Claim{
			Saw: fmt.Sprintf("the queue has room for %d messages, and has %d", limit, i), Want: "nil",
		})
	}
}

func TestFullQueueRefuses(t *testing.T) {
	s := newStage(t)
	s.fill()

	s.mustBe(s.send("order-3"), isFull, lab.Claim{
		Saw:  fmt.Sprintf("the queue has its %d messages; one more was published", limit),
		Want: "ErrFull",
		Why:  "the shop thanks its customer, and either this order or the oldest one is nowhere",
	})

	first := s.lab.Get(queue)
	s.lab.Check(string(first.Body) == "order-1" && s.lab.Depth(queue) == limit-1, lab.Claim{
		Saw:  fmt.Sprintf("first in the queue was %s, and %d are behind it", first.Body, s.lab.Depth(queue)),
		Want: "order-1 and what was stored after it: nothing that was stored is dropped",
		Why:  "an order that was stored is nowhere, and nobody was told",
		Wire: s.wire(),
		Read: "03-durability/README.md#blocked",
	})
	s.mustBe(s.send("order-4"), isNil, lab.Claim{
		Saw: "the queue was full, and one message was taken out", Want: "nil: there is room again",
		Why: "the shop refuses orders until somebody restarts it",
	})
}

func TestQueueIsDeclaredForGood(t *testing.T) {
	s := newStage(t)
	ch := s.lab.Channel()

	s.lab.NoError(s.lab.Do("Declare", func(context.Context) error { return blocked.Declare(ch, queue, limit) }),
		lab.Claim{Saw: "the queue is declared for the second time, and Declare failed", Want: "nil: nothing changes"})

	q := s.lab.Queue(queue)
	s.lab.Check(q.Durable && !q.AutoDelete, lab.Claim{
		Saw:  fmt.Sprintf("durable %t, auto-delete %t", q.Durable, q.AutoDelete),
		Want: "a durable queue that stays",
		Why:  "a restart of RabbitMQ forgets the queue, and the orders in it",
		Read: "03-durability/README.md#durable",
	})
}

func TestConflictIsAnError(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Declare(queue, nil)
	ch := l.Channel()

	err := l.Do("Declare", func(context.Context) error { return blocked.Declare(ch, queue, limit) })

	l.Error(err, lab.Claim{
		Saw:  "there is a queue of that name without a limit, and Declare returned nil",
		Want: "an error",
		Why:  "the queue has no limit, and everybody believes that it has",
	})
}

func TestLimitBelowOneIsRefused(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	ch := l.Channel()
	for _, n := range []int{0, -1} {
		err := l.Do("Declare", func(context.Context) error { return blocked.Declare(ch, queue, n) })
		l.Error(err, lab.Claim{
			Saw: fmt.Sprintf("Declare with a limit of %d returned nil", n), Want: "an error",
			Why: "a forgotten setting gives a queue that takes nothing",
		})
	}
	l.Check(!l.Exists(queue), lab.Claim{Saw: "Declare with a limit of 0 declared the queue", Want: "nothing is declared"})
}

func TestLostConnectionIsNotFull(t *testing.T) {
	s := newStage(t)
	s.hold()
	sent := s.send("order-1")
	s.mustSend(1)

	s.lab.Tap.CutAll()

	claim := lab.Claim{
		Saw:  "the connection was cut before the answer to order-1 came",
		Want: "an error that is neither ErrFull nor ErrBlocked: RabbitMQ may have the order",
		Why:  "who reads that the queue is full tells the customer so, and a parcel comes",
	}
	s.mustBe(sent, isLost, claim)
	claim.Saw = "the connection had been cut before Publish was called"
	s.mustBe(s.send("order-2"), isLost, claim)
}

// isLost tells whether an error says neither that the queue is full nor that RabbitMQ blocks.
func isLost(err error) bool { return err != nil && !isFull(err) && !isBlocked(err) }

func TestLostWhileBlockedIsLost(t *testing.T) {
	s := newStage(t)
	s.block(1)
	s.lab.Tap.CutAll()
	s.lost()

	s.mustBe(s.send("order-1"), isLost, lab.Claim{
		Saw:  "RabbitMQ blocked, and then the connection was cut; Publish was called",
		Want: "an error that is neither ErrFull nor ErrBlocked",
		Why:  "ErrBlocked means \"try again later\": nobody connects again, and the shop refuses orders until somebody restarts it",
	})
}

func TestNothingIsSentAfterCtxHasEnded(t *testing.T) {
	s := newStage(t)
	call := s.lab.Go("Publish", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return s.pub.Publish(ctx, queue, amqp.Publishing{Body: []byte("order-1")})
	})
	claim := lab.Claim{
		Want: "an error that wraps ctx's (%w), and nothing is sent",
		Why:  "the customer, who was told to repeat the order, gets two parcels",
		Read: "03-durability/README.md#blocked",
	}
	claim.Saw = "ctx had ended before Publish was called; Publish still waits"
	err := call.WaitOr(claim)

	s.awhile()
	claim.Saw = "ctx had ended before Publish was called, and order-1 was sent"
	claim.Wire = s.wire()
	s.lab.Check(len(s.sent()) == 0, claim)
	claim.Saw = fmt.Sprintf("ctx had ended before Publish was called, and it returned: %v", err)
	s.lab.Check(isCancelled(err), claim)
}

func TestCtxEndsTheWaitForTheAnswer(t *testing.T) {
	s := newStage(t)
	held := s.hold()
	sent := s.send("order-1")
	s.mustSend(1)

	sent.Stop()

	s.mustBe(sent, isCancelled, lab.Claim{
		Saw:  "order-1 was sent, and ctx ended before its answer",
		Want: "an error that wraps ctx's (%w)",
		Why:  "RabbitMQ is short of memory and doesn't answer: requests hang long after their customers went",
	})
	held.Remove()
}

func isCancelled(err error) bool { return errors.Is(err, context.Canceled) }

func TestCallsDontWaitForEachOthersAnswers(t *testing.T) {
	s := newStage(t)
	held := s.lab.Tap.Add(tap.HoldConfirm{On: tap.Trigger{Nth: 1}})
	first := s.send("order-1")
	s.mustSend(1)

	s.mustBe(s.send("order-2"), isNil, lab.Claim{
		Saw: "order-1 is not answered yet; order-2 was published, and acked", Want: "nil",
		Why: "one message after the other: at 5 ms to the broker these are 80 a second",
	})
	held.Remove()
	s.mustBe(first, isNil, lab.Claim{Saw: "order-1 was acked", Want: "nil"})
}

func TestEmptyMessageAndPropertiesArrive(t *testing.T) {
	s := newStage(t)
	sent := s.lab.Go("Publish", func(ctx context.Context) error {
		return s.pub.Publish(ctx, queue, amqp.Publishing{MessageId: "order-7", DeliveryMode: amqp.Persistent})
	})

	s.mustBe(sent, isNil, lab.Claim{Saw: "RabbitMQ acked order-7", Want: "nil"})
	got := s.lab.Get(queue)
	s.lab.Check(got.MessageId == "order-7" && got.DeliveryMode == amqp.Persistent, lab.Claim{
		Saw:  fmt.Sprintf("id %q and delivery mode %d came out", got.MessageId, got.DeliveryMode),
		Want: "what the caller put in",
	})
}
