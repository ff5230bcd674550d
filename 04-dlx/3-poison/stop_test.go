package poison_test

import (
	"context"
	"fmt"
	"testing"

	"warren.example/04-dlx/3-poison"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestStopGivesBackWhatWasNotTried(t *testing.T) {
	for _, failure := range []error{nil, errBroken} {
		t.Run(ends(failure), func(t *testing.T) { stops(t, failure) })
	}
}

// stops ends ctx while a handle runs that then ends so.
func stops(t *testing.T, failure error) {
	s := newStage(t, 5, numbered(ahead)...)
	call := s.consume()
	j := s.first(call)
	s.sent(call, ahead)

	call.Stop()
	s.lab.Note("ctx ends")
	cancels := tap.Filter{From: tap.Client, Method: "basic.cancel"}
	cancelled := s.lab.Soon(func() bool { return s.lab.Tap.Recording().Count(cancels) > 0 || !call.Running() })
	s.lab.Settle()

	s.lab.Check(call.Running() && j.ctx.Err() == nil, lab.Claim{
		Saw: fmt.Sprintf("ctx ended while the handle of order-1 ran: Consume returned: %v, the handle's context ended: %v",
			!call.Running(), j.ctx.Err() != nil),
		Want: "the running handle finishes, and its context stays alive",
		Why:  "each deployment breaks off what is half done, and counts it as an attempt that failed",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(cancelled, lab.Claim{
		Saw:  "ctx ended while the handle of order-1 runs, and RabbitMQ still has a consumer here",
		Want: "basic.cancel at once",
		Why: "what is sent here now is given back in the end, and before 4.3 that is an attempt: an order is used up by " +
			"deployments, and nobody ever tried it",
		Wire: s.story(),
		Read: about,
	})
	j.end <- failure
	s.lab.Soon(func() bool { return !call.Running() || len(s.begun) > 0 })
	s.lab.Check(len(s.begun) == 0, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended while the handle of order-1 ran, and then %d more have begun", len(s.begun)),
		Want: "what was sent ahead and not begun goes back",
		Why:  "a program that was told to stop has seconds. It is killed in the middle of something, and that counts",
		Wire: s.story(),
		Read: about,
	})
	s.stopped(call)
	said := s.answered(j.DeliveryTag)
	s.lab.Check(len(said) == 1, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended, the handle of order-1 %s, and there are %d answers", ends(failure), len(said)),
		Want: "one, as at any other time",
		Wire: s.story(),
		Read: about,
	})
	s.rightAnswer(j, failure, said[0])
	left := ahead // what failed is back
	if failure == nil {
		left--
	}
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(queue) == left }), lab.Claim{
		Saw: fmt.Sprintf("ctx ended, the handle of order-1 %s, Consume has returned; of the ten orders %d are in the queue and %d in %s",
			ends(failure), s.lab.Depth(queue), s.lab.Depth(parked), parked),
		Want: fmt.Sprintf("%d are in the queue", left),
		Why:  "Consume doesn't close the caller's channel: what it leaves without an answer stays there, out of everybody's reach",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(!s.ch.IsClosed() && s.lab.OpenChannels(s.conn) == 1, lab.Claim{
		Saw:  fmt.Sprintf("Consume has returned, and of the connection's channels %d are open", s.lab.OpenChannels(s.conn)),
		Want: "one: the caller's",
		Why:  "the end of a channel counts as an attempt of all that was sent on it, on each RabbitMQ",
		Wire: s.story(),
		Read: about,
	})
	for tag := j.DeliveryTag + 1; tag < j.DeliveryTag+ahead; tag++ {
		s.givenBack(tag)
	}
	for _, d := range s.lab.Drain(queue) {
		count, _ := d.Headers["x-delivery-count"].(int64)
		s.lab.Check(count <= 1, lab.Claim{
			Saw:  fmt.Sprintf("%s, which was here once, went back %d times", d.Body, count),
			Want: "once: no consumer any more, before anything goes back",
			Why:  "what is given back to a queue that still has this consumer comes straight here again, and each time counts",
			Wire: s.story(),
			Read: about,
		})
	}
}

// givenBack claims that a message which nobody tried went back as such.
func (s *stage) givenBack(tag uint64) {
	said := s.answered(tag)
	uncounted := false
	if len(said) == 1 {
		m, ok := said[0].Method.(*wire.BasicNack)
		uncounted = ok && m.Requeue
	}
	s.lab.Check(uncounted, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended before order-%d began, and it was answered so: %s", tag, s.lab.Wire(said...)),
		Want: "back to the queue, in the way that doesn't count since RabbitMQ 4.3: basic.nack with requeue",
		Why:  "each deployment costs ten orders an attempt, and on a day with many deployments good orders are parked",
		Wire: s.story(),
		Read: about,
	})
}

func TestEndedCtxTakesNothing(t *testing.T) {
	s := newStage(t, 5, "order-7")

	err := s.lab.Do("Consume", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return poison.Consume(ctx, s.ch, queue, s.handle)
	})

	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("ctx had ended before Consume began, and it returned: %v", err),
		Want: "nil: stopping is no error",
		Read: about,
	})
	s.lab.Fence(s.conn)
	sent := s.lab.Tap.Recording().Count(tap.Filter{From: tap.Broker, Method: "basic.deliver"})
	s.lab.Check(sent == 0 && s.lab.Consumers(queue) == 0 && s.lab.Depth(queue) == 1, lab.Claim{
		Saw: fmt.Sprintf("ctx had ended before Consume began; %d orders were sent here, %d are in the queue", sent,
			s.lab.Depth(queue)),
		Want: "none is sent here",
		Why:  "what is sent has to go back, and before 4.3 that counts as an attempt",
		Wire: s.story(),
		Read: about,
	})
}

// deleted is the loss of the queue. The channel has nothing to do with it.
const deleted = "the queue was deleted"

// losses are ways to lose what Consume lives on.
var losses = map[string]func(*stage){
	"the connection was cut": func(s *stage) { s.lab.Tap.CutAll() },
	"RabbitMQ closed the channel": func(s *stage) {
		consume := s.lab.WaitFor(tap.Filter{From: tap.Client, Method: "basic.consume"}, 1)[0]
		if err := s.lab.Tap.CloseChannel(consume.Conn, consume.Channel, 406, "PRECONDITION_FAILED - by the test"); err != nil {
			s.lab.Failf("close the channel: %v", err)
		}
	},
	deleted: func(s *stage) { s.lab.DeleteQueue(queue) },
}

func TestLossIsAnError(t *testing.T) {
	for what, lose := range losses {
		t.Run(what, func(t *testing.T) {
			s := newStage(t, 3)
			call := s.consume()
			s.lab.Soon(func() bool { return s.lab.Consumers(queue) == 1 || !call.Running() })
			s.lab.Fence(s.conn)

			lose(s)

			returned := s.lab.Soon(func() bool { return !call.Running() || len(s.begun) > 0 })
			s.lab.Check(returned && len(s.begun) == 0, lab.Claim{
				Saw:  fmt.Sprintf("%s; Consume goes on, and handle was called %d times with an empty message", what, len(s.begun)),
				Want: "an error: nothing more will come",
				Why:  "the process looks healthy and handles nothing until somebody restarts it",
				Wire: s.story(),
				Read: about,
			})
			s.lab.Error(call.Wait(), lab.Claim{
				Saw:  what + ", and Consume returned nil",
				Want: "an error: ctx has not ended",
				Why:  "nil means that somebody asked to stop: the program exits quietly, and nobody starts it again",
				Wire: s.story(),
				Read: about,
			})
			s.lab.Check(what != deleted || !s.ch.IsClosed(), lab.Claim{
				Saw:  what + ", and after Consume the caller's channel is closed",
				Want: "it stays open: it is the caller's",
				Why:  "the caller declares the queue anew on it, and fails",
				Wire: s.story(),
				Read: about,
			})
		})
	}

	t.Run("there was no queue", func(t *testing.T) {
		s := newBareStage(t, lab.New)
		err := s.lab.Do("Consume", func(ctx context.Context) error { return poison.Consume(ctx, s.ch, queue, s.handle) })
		s.lab.Error(err, lab.Claim{
			Saw:  "there is no queue " + queue + ", and Consume returned nil",
			Want: "an error, as RabbitMQ says it: 404",
			Why:  "a typing error in a configuration looks like a quiet day",
			Read: about,
		})
	})
}

// TestLossBeginsNothingMore loses connection or channel while the first of ten orders is handled: nine were sent ahead.
func TestLossBeginsNothingMore(t *testing.T) {
	for what, lose := range losses {
		if what == deleted { // the contract leaves that open
			continue
		}
		t.Run(what, func(t *testing.T) {
			s := newStage(t, 5, numbered(ahead)...)
			call := s.consume()
			j := s.first(call)
			s.sent(call, ahead)

			lose(s)
			s.lab.Await("the client to notice the loss", s.ch.IsClosed)
			j.end <- nil

			s.lab.Soon(func() bool { return !call.Running() || len(s.begun) > 0 })
			s.lab.Check(len(s.begun) == 0, lab.Claim{
				Saw:  what + " while the handle of order-1 ran; it ended, and another one has begun",
				Want: "an error, and nothing more begins",
				Why:  "RabbitMQ has given these orders to another process by now: both do the same work",
				Wire: s.story(),
				Read: about,
			})
			s.lab.Error(call.Wait(), lab.Claim{
				Saw:  what + " while a handle ran, and Consume returned nil",
				Want: "an error: ctx has not ended",
				Wire: s.story(),
				Read: about,
			})
		})
	}
}
