package restart_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestRefusedOrderIsAnError(t *testing.T) {
	s := newStage(t, lab.Config{})
	s.mustDeclare()
	s.lab.Tap.Add(tap.Refuse{On: publishing()})

	err := s.store(7).Wait()

	s.lab.Error(err, lab.Claim{
		Saw:  "RabbitMQ refused order-7 (basic.nack), and Store returned nil",
		Want: "an error: a nack says that RabbitMQ doesn't have the order",
		Why:  "the queue couldn't store it, and the customer is told: ordered",
		Wire: s.confirms(),
		Read: "03-durability/README.md#confirm",
	})
}

func TestEndOfCtxEndsTheWait(t *testing.T) {
	s := newStage(t, lab.Config{})
	s.mustDeclare()
	held := s.lab.Tap.Add(tap.HoldConfirm{On: publishing()})

	call := s.store(7)
	s.published(call, held)
	call.Stop()

	claim := lab.Claim{
		Want: "an error that wraps ctx's: whether RabbitMQ has order-7 is unknown",
		Why:  "a disk is slow, RabbitMQ doesn't answer for a minute, and no request of the shop can be given up",
		Read: "03-durability/README.md#confirm",
	}
	claim.Saw = "ctx ended, and Store goes on waiting for an answer"
	err := call.WaitOr(claim)
	claim.Saw = fmt.Sprintf("ctx ended before the answer came, and Store returned: %v", err)
	claim.Wire = s.confirms()
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	s.lab.Check(!s.ch.IsClosed(), lab.Claim{
		Saw:  "ctx ended, and Store closed its caller's channel",
		Want: "ch stays open: it is the caller's",
		Why:  "one customer goes away, and all orders that others store on the channel fail",
		Wire: s.told("basic.publish", "channel.close"),
		Read: "03-durability/README.md#confirm",
	})
}

func TestAnswerCountsForItsOwnOrder(t *testing.T) {
	s := newStage(t, lab.Config{})
	s.mustDeclare()
	s.mustStore(1, 2, 3, 4, 5) // on one channel
	held := s.lab.Tap.Add(tap.HoldConfirm{On: publishing()})
	late := s.store(6)
	s.published(late, held)
	s.lab.Error(late.Stopped(), lab.Claim{
		Saw:  "ctx ended before the answer to order-6, and Store returned nil",
		Want: "an error that wraps ctx's",
		Read: "03-durability/README.md#confirm",
	})

	lost := s.lab.Tap.Add(tap.Drop{On: publishing()})
	call := s.store(7)
	s.published(call, lost)
	held.Remove() // now comes the answer to order-6
	s.lab.Fence(s.conn)
	s.lab.Settle()
	call.Stop()

	s.lab.Error(call.Wait(), lab.Claim{
		Saw:  "the ack for order-6 came late, and Store took it for the answer to order-7, which RabbitMQ never got",
		Want: "an ack counts for the order whose number it carries",
		Why:  "from the first late answer on, each one is taken for the next order: what is lost is reported as stored",
		Wire: s.confirms(),
		Read: "03-durability/README.md#confirm",
	})
}
