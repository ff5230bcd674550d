package receive_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"warren.example/01-basics/2-receive"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestHandledMessagesLeaveTheQueue(t *testing.T) {
	s := newStage(t, "order-7", "order-8", "order-9")
	call := s.receive()

	for _, want := range []string{"order-7", "order-8", "order-9"} {
		j := s.must(call)
		s.lab.Check(j.order() == want, lab.Claim{
			Saw:  fmt.Sprintf("%s was handled when it was %s's turn", j.order(), want),
			Want: "one message after another, as they come",
			Read: "01-basics/README.md#receive",
		})
		answer := s.handled(j, nil)
		_, acked := answer.Method.(*wire.BasicAck)
		s.lab.Check(acked, lab.Claim{
			Saw:  fmt.Sprintf("the handler of %s returned nil, and the answer was %s", want, answer.Name()),
			Want: "an ack: the work is done",
			Why:  "stock is reserved twice, or the message is lost to whoever counts them",
			Wire: s.story(),
			Read: "01-basics/README.md#ack",
		})
	}

	s.lab.NoError(call.Stopped(), lab.Claim{Want: "nil: stopping is no error", Read: "01-basics/README.md#stop"})
	s.rest(0, lab.Claim{
		Want: "an empty queue: all three messages were handled",
		Why:  "what was done is delivered and done again",
		Read: "01-basics/README.md#ack",
	})
}

func TestCrashLosesNothing(t *testing.T) {
	s := newStage(t, "order-7")
	call := s.receive()
	j := s.must(call)
	early := s.answered(j.DeliveryTag)
	s.lab.Note("handler still running")
	wire := s.story()

	s.lab.Crash()

	s.lab.Await("RabbitMQ to notice the crash", func() bool { return s.lab.Consumers(queue) == 0 })
	gone := lab.Claim{
		Saw:  "the process died while it handled order-7; order-7 is gone",
		Want: "order-7 is still in " + queue + " and is delivered again",
		Why:  "what RabbitMQ may forget before the work is done is lost: a paid order is never packed",
		Wire: wire,
		Read: "01-basics/README.md#ack",
	}
	if len(early) > 0 {
		gone.Saw = "order-7 was acked before its handler returned; the handler died; order-7 is gone"
		gone.Why = "an ack tells RabbitMQ to forget: a paid order is never packed"
	} else if asked := s.autoAcks(); len(asked) > 0 {
		gone.Saw = "order-7 was consumed with autoAck: RabbitMQ forgot it when it left; the handler died; order-7 is gone"
		gone.Wire = s.lab.Wire(asked...) + " · " + wire
	}
	s.lab.Check(len(early) == 0 && s.lab.Depth(queue) == 1, gone)

	j.end <- nil
	err := call.WaitOr(lab.Claim{
		Saw:  "the channel is gone since order-7 was begun, and Receive has not returned",
		Want: "an error: nothing more will come",
		Why:  "the process looks healthy and handles nothing until somebody restarts it",
		Read: "01-basics/README.md#lost",
	})
	s.lab.Error(err, s.quietEnd("the channel is gone since order-7 was begun"))
}

// autoAcks returns what told the broker not to wait for acks.
func (s *stage) autoAcks() []tap.Event {
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
		switch m := e.Method.(type) {
		case *wire.BasicConsume:
			return m.NoAck
		case *wire.BasicGet:
			return m.NoAck
		}
		return false
	}})
}

func TestFailedMessageComesBack(t *testing.T) {
	s := newStage(t, "order-7")
	call := s.receive()
	j := s.must(call)

	s.handled(j, errors.New("the database is away"))
	s.lab.Publish(queue, "order-8") // whatever went back is ahead of it

	// When the next handler begins, or Receive has returned, all has been said about order-7.
	s.lab.Soon(func() bool { return len(s.begun) > 0 || !call.Running() })
	twice := s.answered(j.DeliveryTag)
	s.lab.Check(len(twice) == 1, lab.Claim{
		Saw:  fmt.Sprintf("order-7 was answered %d times, and RabbitMQ closed the channel", len(twice)),
		Want: "one answer for each message",
		Why:  "RabbitMQ doesn't know the tag after the first answer: 406 PRECONDITION_FAILED, and the consumer is gone",
		Wire: s.story(),
		Read: "01-basics/README.md#ack",
	})
	if !call.Running() {
		s.lab.Fail(lab.Claim{
			Saw:  fmt.Sprintf("the handler of order-7 failed, and Receive ended with it: %v", call.Wait()),
			Want: "order-7 goes back, and Receive goes on",
			Why:  "one order that can't be handled stops all others, again after each restart",
			Wire: s.story(),
			Read: "01-basics/README.md#ack",
		})
	}
	back := lab.Claim{
		Saw:  "the handler of order-7 failed, and order-7 did not come again",
		Want: "order-7 goes back to the queue and is delivered again",
		Why:  "the database was away for a second, and the order is lost for ever",
		Wire: s.story(),
		Read: "01-basics/README.md#ack",
	}
	again := s.next(call, back)
	s.lab.Check(again.order() == "order-7", back)
	s.handled(again, nil)
	s.handled(s.must(call), nil)
	s.lab.NoError(call.Stopped(), lab.Claim{Want: "nil: stopping is no error", Read: "01-basics/README.md#stop"})
	s.rest(0, lab.Claim{Want: "an empty queue: both messages were handled in the end", Read: "01-basics/README.md#ack"})
}

func TestOneMessageAtATime(t *testing.T) {
	s := newStage(t, "order-7", "order-8", "order-9")
	call := s.receive()

	seven := s.must(call)

	s.awhile()
	ready := s.lab.Depth(queue)
	s.lab.Check(ready == 2, lab.Claim{
		Saw: fmt.Sprintf("order-7 is being handled; of the two behind it, %d are in the queue and %d were sent to this "+
			"receiver", ready, 2-ready),
		Want: "order-8 and order-9 stay in the queue until order-7 is answered",
		Why: "the first process takes the whole backlog into its memory; a second one, started to help, gets nothing, and " +
			"a crash sends all of it again",
		Wire: s.story(),
		Read: "01-basics/README.md#prefetch",
	})
	ch := s.channel()
	second := s.start("a second Receive", ch)
	eight := s.next(second, lab.Claim{
		Saw:  "order-7 is being handled, a second receiver was started, and it gets nothing",
		Want: "the second receiver takes order-8",
		Why:  "you start a second process on the busiest day of the year, and it changes nothing",
		Read: "01-basics/README.md#prefetch",
	})
	seven.end <- nil
	eight.end <- nil
}

func TestMessagesArePushed(t *testing.T) {
	s := newStage(t)
	call := s.receive()
	s.lab.Publish(queue, "order-7")

	s.handled(s.must(call), nil)

	gets := s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "basic.get"})
	s.lab.Check(len(gets) == 0, lab.Claim{
		Saw:  fmt.Sprintf("Receive asked for messages: %d × basic.get", len(gets)),
		Want: "basic.consume once; then RabbitMQ pushes",
		Why: "idle receivers keep the broker busy with questions, messages wait for the next one, and each costs a round " +
			"trip: 7,000 a second instead of 24,000",
		Wire: s.lab.Wire(gets[:min(3, len(gets))]...),
		Read: "01-basics/README.md#receive",
	})
}

func TestMissingQueueIsAnError(t *testing.T) {
	s := newStage(t)

	call := s.lab.Go("Receive", func(ctx context.Context) error {
		return receive.Receive(ctx, s.ch, "inventory.comands", s.handle)
	})

	claim := lab.Claim{
		Want: "an error, as RabbitMQ says it: 404",
		Why:  "a typing error in a configuration looks like a quiet day",
		Read: "01-basics/README.md#lost",
	}
	claim.Saw = "there is no queue inventory.comands, and Receive waits for messages"
	s.lab.Check(s.lab.Soon(func() bool { return !call.Running() || s.lab.Exists("inventory.comands") }), claim)
	claim.Saw = "there was no queue inventory.comands, and Receive made one"
	s.lab.Check(!s.lab.Exists("inventory.comands"), claim)
	claim.Saw = "there is no queue inventory.comands, and Receive returned nil"
	s.lab.Error(call.Wait(), claim)
}
