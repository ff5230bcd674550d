package confirm_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"warren.example/01-basics/3-confirm"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestNilMeansStored(t *testing.T) {
	s := newStage(t)

	err := s.publish("stock.reserve order-7").Wait()

	s.lab.NoError(err, lab.Claim{
		Want: "nil: RabbitMQ took the message and acked it",
		Why:  "the shop sends it again, and stock is reserved twice",
		Read: "01-basics/README.md#confirm",
	})
	depth := s.lab.Depth(queue)
	s.lab.Check(depth == 1, lab.Claim{
		Saw:  fmt.Sprintf("Publish returned nil, and the queue has %d messages", depth),
		Want: "the one message",
		Why:  "the order is marked as sent, and it is nowhere (or twice)",
		Wire: s.confirms(),
		Read: "01-basics/README.md#confirm",
	})
	body := string(s.lab.Get(queue).Body)
	s.lab.Check(body == "stock.reserve order-7", lab.Claim{
		Saw: fmt.Sprintf("%q came out of the queue", body), Want: "the body as it went in",
	})
	s.lab.Check(!s.ch.IsClosed(), lab.Claim{
		Saw:  "Publish returned nil, and its caller's channel is closed",
		Want: "ch stays open: it is the caller's",
	})
}

func TestManyMessagesOnOneChannel(t *testing.T) {
	s := newStage(t)
	if err := s.ch.Confirm(false); err != nil { // Publish may be given a channel that is in confirm mode
		s.lab.Failf("select confirm mode: %v", err)
	}
	const n = 10
	at := make(chan int, n)

	call := s.lab.Go("Publish", func(ctx context.Context) error {
		for i := range n {
			at <- i + 1
			if err := confirm.Publish(ctx, s.ch, queue, fmt.Append(nil, "order-", i+1)); err != nil {
				return err
			}
		}
		return nil
	})

	err := call.WaitOr(lab.Claim{
		Saw:  fmt.Sprintf("%d messages, one after another on the same channel: Publish hangs", n),
		Want: "each is answered in milliseconds",
		Why: "every message leaves something behind that holds up the next ones, and with them all that shares the " +
			"connection",
		Read: "01-basics/README.md#confirm",
	})
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("message %d of %d on the same channel: %v", len(at), n, err),
		Want: "nil for each",
		Read: "01-basics/README.md#confirm",
	})
	for i, m := range s.lab.Drain(queue) {
		s.lab.Check(string(m.Body) == fmt.Sprint("order-", i+1), lab.Claim{
			Saw:  fmt.Sprintf("message %d in the queue is %s", i+1, m.Body),
			Want: "each message once, in the order in which Publish was called",
		})
	}
	s.lab.Check(len(s.publishes()) == n, lab.Claim{
		Saw:  fmt.Sprintf("%d messages were published for %d calls", len(s.publishes()), n),
		Want: "one for each call",
	})
}

func TestSwallowedMessageIsNoSuccess(t *testing.T) {
	s := newStage(t)
	lost := s.lab.Tap.Add(tap.Drop{On: publishing(1)}) // the network takes it and never brings it

	call := s.publish("stock.reserve order-7")
	s.published(call, lost)
	call.Stop()

	s.lab.Error(call.Wait(), lab.Claim{
		Saw:  "RabbitMQ never got order-7, and Publish returned nil",
		Want: "an error: there was no answer",
		Why:  "bytes that were written are not a message that was stored: the order is marked as sent, and it is nowhere",
		Wire: s.confirms(),
		Read: "01-basics/README.md#confirm",
	})
}

func TestRefusedMessageIsAnError(t *testing.T) {
	s := newStage(t)
	s.lab.Tap.Add(tap.Refuse{On: publishing(1)})

	err := s.publish("stock.reserve order-7").Wait()

	s.publishedOnce("RabbitMQ refused order-7")
	s.lab.Error(err, lab.Claim{
		Saw:  "RabbitMQ refused order-7 (basic.nack), and Publish returned nil",
		Want: "an error: a nack says that RabbitMQ doesn't have the message",
		Why:  "the queue is full or its leader is gone, and the shop is told that all is well",
		Wire: s.confirms(),
		Read: "01-basics/README.md#confirm",
	})
}

func TestItWaitsForTheAnswer(t *testing.T) {
	s := newStage(t)
	held := s.lab.Tap.Add(tap.HoldConfirm{On: publishing(1)})

	call := s.publish("stock.reserve order-7")
	s.published(call, held)
	s.upTo(500, func() bool { return !call.Running() })

	s.lab.Check(call.Running(), lab.Claim{
		Saw:  "RabbitMQ has not answered yet, ctx has not ended, and Publish has returned",
		Want: "Publish waits for the answer",
		Why:  "until the answer is there, nobody knows whether RabbitMQ has the order",
		Wire: s.confirms(),
		Read: "01-basics/README.md#confirm",
	})
	held.Remove()
	s.lab.NoError(call.Wait(), lab.Claim{
		Want: "nil: the answer was slow, and it was an ack",
		Why:  "on a busy day all orders are reported as lost, and sent twice",
		Wire: s.confirms(),
		Read: "01-basics/README.md#confirm",
	})
}

func TestEndOfCtxEndsTheWait(t *testing.T) {
	s := newStage(t)
	held := s.lab.Tap.Add(tap.HoldConfirm{On: publishing(1)})

	call := s.publish("stock.reserve order-7")
	s.published(call, held)
	call.Stop()

	claim := lab.Claim{
		Want: "an error that wraps ctx's: whether RabbitMQ has order-7 is unknown",
		Why: "RabbitMQ is short of memory and doesn't answer for an hour: every request of the shop hangs here, long after " +
			"its customer went",
		Read: "01-basics/README.md#confirm",
	}
	claim.Saw = "ctx ended, and Publish goes on waiting for an answer"
	err := call.WaitOr(claim)
	claim.Saw = fmt.Sprintf("ctx ended before the answer came, and Publish returned: %v", err)
	claim.Wire = s.confirms()
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	s.awhile()
	s.publishedOnce("ctx ended before the answer to order-7 came")
}

func TestLostConnectionIsAnError(t *testing.T) {
	s := newStage(t)
	held := s.lab.Tap.Add(tap.HoldConfirm{On: publishing(1)})

	call := s.publish("stock.reserve order-7")
	s.published(call, held)
	s.lab.Tap.CutAll()

	claim := lab.Claim{
		Want: "an error: the answer can't come any more",
		Why:  "the message may have been lost with the connection, and the shop is told that all is well",
		Read: "01-basics/README.md#confirm",
	}
	claim.Saw = "the connection is gone, and Publish goes on waiting for an answer"
	err := call.WaitOr(claim)
	claim.Saw = "the connection broke before the answer, and Publish returned nil"
	claim.Wire = s.confirms()
	s.lab.Error(err, claim)
}

func TestLateAnswerCountsForNoOther(t *testing.T) {
	s := newStage(t)
	held := s.lab.Tap.Add(tap.HoldConfirm{On: publishing(1)})
	first := s.publish("stock.reserve order-7")
	s.published(first, held)
	s.lab.Error(first.Stopped(), lab.Claim{
		Saw:  "ctx ended before the answer to order-7, and Publish returned nil",
		Want: "an error that wraps ctx's",
		Read: "01-basics/README.md#confirm",
	})

	lost := s.lab.Tap.Add(tap.Drop{On: publishing(1)})
	second := s.publish("stock.reserve order-8")
	s.published(second, lost)
	held.Remove() // now comes the answer to order-7
	s.upTo(500, func() bool { return !second.Running() })
	second.Stop()

	s.lab.Error(second.Wait(), lab.Claim{
		Saw:  "the ack for order-7 came late, and Publish took it for the answer to order-8, which RabbitMQ never got",
		Want: "an ack counts for the message whose number it carries",
		Why:  "from the first late answer on, each one is taken for the next message: what is lost is reported as stored",
		Wire: s.confirms(),
		Read: "01-basics/README.md#confirm",
	})
}
