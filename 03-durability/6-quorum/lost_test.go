package quorum_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/6-quorum"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestConfirmedBehindAGap(t *testing.T) {
	s := withQueue(t)
	held := s.lab.Tap.Add(tap.HoldConfirm{On: the(2)})
	call := s.publish(5)
	s.allBut("order-2", call, held)
	s.lab.Note("node 1 dies: order-2 alone has no answer")
	s.lab.Tap.RefuseAt(0, true)
	held.Remove()

	s.isNil(call.Wait(), "the node that the shop talks to dies, and orders are given up that two others would take")

	s.holdsAfterLoss(5)
}

// allBut waits until the confirms of all orders but one have come to Publish, and until it rests. Who has a window has sent
// them all by then, who has none stands at the one that is held.
func (s *stage) allBut(id string, call *lab.Call, held *tap.Rule) {
	s.struck(call, held)
	s.lab.Soon(func() bool { return !call.Running() || s.onlyOpen(id) })
	s.lab.Settle()
}

// onlyOpen tells whether of all that was published one order alone is not confirmed.
func (s *stage) onlyOpen(id string) bool {
	at := s.confirmed()
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "basic.publish"}) {
		if (at[order(e)] == 0) != (order(e) == id) {
			return false
		}
	}
	return true
}

func TestQueueDeletedOnTheWay(t *testing.T) {
	s := withQueue(t)
	held := s.lab.Tap.Add(tap.Hold{On: from(1)})
	call := s.publish(3)
	s.struck(call, held)
	s.lab.Note("somebody deletes the queue, and then the orders arrive")
	s.lab.DeleteQueue(queue)
	held.Remove()

	s.lab.Error(call.Wait(), lab.Claim{
		Saw:  "the queue was deleted while the orders were on their way, and Publish returned nil",
		Want: "an error: nil means that each is in the queue",
		Why:  "RabbitMQ acks what no queue takes. A queue that was there a moment ago says nothing about the next",
		Wire: s.confirms(),
		Read: "03-durability/README.md#quorum",
	})
}

func TestReturnedIsNotStored(t *testing.T) {
	s := newStage(t, doors) // nobody has declared the queue
	held := s.lab.Tap.Add(tap.HoldConfirm{On: from(2)})
	call := s.publish(3)
	s.lab.Soon(func() bool { return !call.Running() || held.Struck() > 0 && s.allConfirmed(1) })
	s.lab.Settle()
	s.lab.Declare(queue, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 20})
	s.lab.Note("order-1 came back and was acked; now there is a queue, and node 1 dies")
	s.lab.Tap.RefuseAt(0, true)
	held.Remove()

	err := call.Wait()
	s.lab.Finished(err)
	got := s.stored()
	s.lab.Check(err != nil || slices.Contains(got, "order-1"), lab.Claim{
		Saw:  fmt.Sprintf("order-1 came back, node 1 died, Publish returned nil, and the queue has %v", got),
		Want: "an error, or order-1 in the queue: what came back is not stored, acked or not",
		Why:  "two things go wrong at once, as they do when nodes die, and a paid order is nowhere",
		Wire: s.confirms(),
		Read: "03-durability/README.md#quorum",
	})
}

func TestEndOfCtxEndsThePause(t *testing.T) {
	s := withQueue(t)
	s.lab.Tap.Refuse(true)
	over := t.Context()
	patient := func(ctx context.Context) error {
		s.pauses.Add(1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over.Done():
			return errEnough
		}
	}

	call := s.publishBy(quorum.Publisher{URLs: s.lab.URLs, Pause: patient}, 3)
	s.lab.Soon(func() bool { return !call.Running() || s.pauses.Load() > 0 })
	call.Stop()

	claim := lab.Claim{
		Want: "an error that wraps ctx's: Pause is given the ctx of Publish",
		Why:  "all nodes are dead, Publish waits for them, and the service can't be stopped",
		Read: "03-durability/README.md#quorum",
	}
	claim.Saw = "ctx ended in a pause, and Publish goes on"
	err := call.WaitOr(claim)
	claim.Saw = fmt.Sprintf("ctx ended in a pause, and Publish returned: %v", err)
	s.lab.Check(errors.Is(err, context.Canceled), claim)
}
