package acks_test

import (
	"context"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/2-acks"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestAckedOrdersLeaveTheQueue(t *testing.T) {
	s := newStage(t, "order-7", "order-8", "order-9")
	call := s.consume()

	for _, want := range []string{"order-7", "order-8", "order-9"} {
		j := s.must(call)
		s.lab.Check(j.order() == want, lab.Claim{
			Saw:  fmt.Sprintf("%s was handled when it was %s's turn", j.order(), want),
			Want: "one message after another, as they come",
			Read: about,
		})
		answer := s.ended(j, acks.Ack)
		_, acked := answer.Method.(*wire.BasicAck)
		s.lab.Check(acked, lab.Claim{
			Saw:  fmt.Sprintf("the handle of %s returned Ack, and the answer was %s", want, answer.Name()),
			Want: "an ack: the work is done",
			Why:  "what is done is delivered and done again, or ends among the dead",
			Wire: s.story(),
			Read: about,
		})
	}
	s.stopped(call)
	s.rest(0, lab.Claim{
		Saw: fmt.Sprintf("three handles returned Ack, Consume has ended, and the queue has %d orders",
			s.lab.Depth(queue)),
		Want: "none: an answer counts on the channel on which its message came, nowhere else",
		Why:  "the work is done, and is done again by whoever consumes next",
		Wire: s.story(),
	})
}

func TestAgainComesBack(t *testing.T) {
	s := newStage(t)
	s.lab.Put("", queue, amqp.Publishing{MessageId: "seven", DeliveryMode: amqp.Persistent, Body: []byte("order-7")})
	call := s.consume()
	j := s.must(call)

	j.end <- acks.Again

	back := lab.Claim{
		Saw:  "the handle of order-7 returned Again, and order-7 did not come again",
		Want: "order-7 goes back to the queue, and is delivered again",
		Why:  "the database was away for a second, and the order is lost for ever",
		Read: about,
	}
	again := s.next(call, back)
	back.Wire = s.story()
	s.lab.Check(again.order() == "order-7", back)
	s.lab.Check(again.MessageId == "seven" && again.Redelivered, lab.Claim{
		Saw: fmt.Sprintf("the handle of order-7 returned Again; what came then has the id %q, redelivered=%v",
			again.MessageId, again.Redelivered),
		Want: "the same message with the id \"seven\", redelivered=true",
		Why:  "whoever finds out by these whether the order was tried before finds nothing",
		Wire: s.story(),
		Read: about,
	})
	again.end <- acks.Again
	third := s.next(call, lab.Claim{
		Saw:  "the handle of order-7 returned Again a second time, and order-7 did not come a third time",
		Want: "order-7 comes again as often as its handle says Again",
		Why:  "redelivered tells that it was sent before, not that it was tried: orders are given up after one real try",
		Read: about,
	})
	s.ended(third, acks.Ack)
	s.stopped(call)
	s.rest(0, lab.Claim{Want: "none: order-7 was handled in the end", Wire: s.story()})
}

func TestDiscardedOrdersAreParked(t *testing.T) {
	s := newStage(t, "order-7")
	call := s.consume()

	s.ended(s.must(call), acks.Discard)

	s.lab.Soon(func() bool { return s.lab.Depth(dead) == 1 || len(s.begun) > 0 || !call.Running() })
	s.lab.Check(len(s.begun) == 0, lab.Claim{
		Saw:  "the handle of order-7 returned Discard, and order-7 came again",
		Want: "order-7 is out of the queue",
		Why:  "an order that can never be packed comes a thousand times a second, and nothing else is packed",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(s.lab.Depth(dead) == 1, lab.Claim{
		Saw: fmt.Sprintf("the handle of order-7 returned Discard; %s, where the queue sends its dead, has %d orders",
			dead, s.lab.Depth(dead)),
		Want: "order-7 is there",
		Why:  "a paid order vanishes without a trace; who could mend it never sees it",
		Wire: s.story(),
		Read: about,
	})
	s.stopped(call)
	s.rest(0, lab.Claim{Want: "none", Wire: s.story()})
}

func TestNoVerdictMeansAgain(t *testing.T) {
	s := newStage(t)
	var forgotten acks.Verdict
	for _, v := range []acks.Verdict{forgotten, 42, -1} {
		s.lab.Publish(queue, fmt.Sprintf("order of %d", v))
		call := s.consume()
		j := s.must(call)

		j.end <- v

		again := s.next(call, lab.Claim{
			Saw:  fmt.Sprintf("a handle returned Verdict(%d), which is none, and its order did not come again", v),
			Want: "whatever says neither Ack nor Discard means Again",
			Why:  "a path of the handle that forgets to decide loses the order, or keeps it from everybody",
			Read: about,
		})
		s.ended(again, acks.Ack)
		s.stopped(call)
	}
}

func TestEachOrderIsAnsweredOnce(t *testing.T) {
	for _, v := range []acks.Verdict{acks.Again, acks.Discard, acks.Ack} {
		t.Run(name(v), func(t *testing.T) { answeredOnce(t, v) })
	}
}

func answeredOnce(t *testing.T, v acks.Verdict) {
	s := newStage(t, "order-7", "order-8")
	call := s.consume()
	j := s.must(call)

	s.ended(j, v)

	// When the next handle begins, or Consume has returned, all has been said about order-7.
	s.lab.Soon(func() bool { return len(s.begun) > 0 || !call.Running() })
	said := s.answered(j.DeliveryTag)
	s.lab.Check(len(said) == 1, lab.Claim{
		Saw:  fmt.Sprintf("the handle returned %s, and its message was answered %d times", name(v), len(said)),
		Want: "one answer for each message",
		Why: "after the first answer RabbitMQ doesn't know the tag: it closes the channel (406), and what was sent ahead is " +
			"delivered again",
		Wire: s.story(),
		Read: about,
	})
}

func TestOneOrderAtATime(t *testing.T) {
	s := newStage(t, "order-7", "order-8", "order-9")
	call := s.consume()
	seven := s.must(call)
	s.sentAhead(3)
	s.quiet()

	s.lab.Check(len(s.begun) == 0, lab.Claim{
		Saw:  fmt.Sprintf("the handle of order-7 runs, and %d more have begun beside it", len(s.begun)),
		Want: "one message after another: who wants more at a time takes 01/4",
		Why:  "two changes to the same stock overtake each other, and what the handle doesn't lock breaks",
		Wire: s.story(),
		Read: about,
	})
	s.ended(seven, acks.Ack)
	s.ended(s.must(call), acks.Ack)
	s.ended(s.must(call), acks.Ack)
	s.stopped(call)
}

func TestRestStaysInTheQueue(t *testing.T) {
	s := newStage(t, numbered(30)...)

	s.must(s.consume())

	s.lab.Soon(func() bool { return s.lab.Unacked(queue) >= ahead })
	s.quiet(func() bool { return s.lab.Depth(queue)+s.lab.Unacked(queue) == 30 })
	s.lab.Check(s.lab.Unacked(queue) == ahead, lab.Claim{
		Saw: fmt.Sprintf("the handle of order-1 runs; %d of 30 orders were sent to this process, %d are in the queue",
			s.lab.Unacked(queue), s.lab.Depth(queue)),
		Want: "10 are sent ahead, 20 stay in the queue",
		Why: "without a limit one process takes the whole backlog, and a second one, started to help, gets nothing; with a " +
			"limit of 1 each message waits for a round trip",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
			return e.Name() == "basic.qos" || e.Name() == "basic.consume"
		}})...),
		Read: about,
	})

	eleven := s.next(s.consume(), lab.Claim{
		Saw:  "a second Consume was started beside the first one, and its handle is not called",
		Want: "the rest is there for others: it gets order-11",
		Why:  "the backlog grows, a second process is started to help, and can't",
		Read: about,
	})
	s.lab.Check(eleven.order() == "order-11", lab.Claim{
		Saw:  fmt.Sprintf("the handle of a second Consume began with %s", eleven.order()),
		Want: "order-11: the first ten were sent to the first Consume",
		Wire: s.story(),
		Read: about,
	})
}

func TestNothingStaysOpen(t *testing.T) {
	s := newStage(t)
	call := s.consume()
	s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.consume-ok"}, 1)

	s.stopped(call)

	s.closed("ctx ended, and Consume returned nil")
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Consumers(queue) == 0 }), lab.Claim{
		Saw:  "Consume has returned, and the queue still has its consumer",
		Want: "no consumer is left",
		Why:  "RabbitMQ goes on sending orders to a process where nobody handles them",
		Read: about,
	})
}

func TestNothingStaysOpenAfterAnError(t *testing.T) {
	s := newStage(t)
	call := s.consume()
	s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.consume-ok"}, 1)

	s.lab.DeleteQueue(queue)

	s.lab.Error(call.WaitOr(lab.Claim{
		Saw: "the queue was deleted, and Consume has not returned", Want: "an error", Read: about,
	}), lab.Claim{Saw: "the queue was deleted, and Consume returned nil", Want: "an error: ctx has not ended", Read: about})
	s.closed("the queue was deleted, and Consume returned an error")
}

// closed claims that Consume closed what it opened, and nothing else.
func (s *stage) closed(when string) {
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.OpenChannels(s.conn) == 0 }), lab.Claim{
		Saw:  fmt.Sprintf("%s: %d channels are open", when, s.lab.OpenChannels(s.conn)),
		Want: "none: who opens a channel closes it",
		Why:  "what was sent ahead on it stays out of everybody's reach, and after 2,047 channels nothing works any more",
		Read: about,
	})
	s.lab.Check(!s.conn.IsClosed(), lab.Claim{
		Saw:  when + ": the caller's connection is closed",
		Want: "conn stays open: it is the caller's",
		Why:  "whatever else the caller does on it fails, far from here",
		Read: about,
	})
}

func TestEndedCtxBeginsNothing(t *testing.T) {
	s := newStage(t, "order-7")

	err := s.lab.Do("Consume", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return acks.Consume(ctx, s.conn, queue, s.handle)
	})

	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("ctx had ended before Consume began, and it returned: %v", err),
		Want: "nil: stopping is no error",
		Read: about,
	})
	s.rest(1, lab.Claim{Want: "one: order-7, which nobody began", Wire: s.story()})
}
