package receive_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/01-basics/2-receive"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestStopFinishesTheRunningMessage(t *testing.T) {
	s := newStage(t, "order-7", "order-8")
	call := s.receive()
	j := s.must(call)

	call.Stop()
	s.lab.Note("ctx ends")

	s.lab.Check(j.ctx.Err() == nil, lab.Claim{
		Saw:  "ctx ended while order-7 was being handled, and with it the context of its handler",
		Want: "the context that handle gets stays alive: what has begun is finished",
		Why:  "each deployment breaks off a call to the database half-way: is the stock reserved or not?",
		Read: "01-basics/README.md#stop",
	})
	s.upTo(1000, func() bool { return !call.Running() })
	s.lab.Check(call.Running(), lab.Claim{
		Saw:  "ctx ended, and Receive returned while the handler of order-7 was running",
		Want: "Receive waits for the running handler and answers for it",
		Why:  "the program takes that for the end and exits: order-7 is broken off, and done again from the start elsewhere",
		Wire: s.story(),
		Read: "01-basics/README.md#stop",
	})
	answer := s.handled(j, nil)
	s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: stopping is no error", Read: "01-basics/README.md#stop"})
	_, acked := answer.Method.(*wire.BasicAck)
	s.lab.Check(acked, lab.Claim{
		Saw:  "order-7 was handled after ctx had ended, and given back",
		Want: "an ack: the work is done",
		Why:  "with each deployment the running orders are done twice",
		Wire: s.story(),
		Read: "01-basics/README.md#stop",
	})
	s.nothingBegins()
	s.rest(1, lab.Claim{
		Want: "one: order-8, which nobody began",
		Why:  "what was never handled is lost, or what was handled is done again",
		Read: "01-basics/README.md#stop",
	})
}

func TestStopTakesNoFurtherMessage(t *testing.T) {
	s := newStage(t, "order-7")
	call := s.receive()
	s.handled(s.must(call), nil)
	s.awhile() // Receive waits for a message now

	call.Stop()
	s.lab.Note("ctx ends")
	s.lab.Publish(queue, "order-8")

	returned := s.lab.Soon(func() bool { return !call.Running() || len(s.begun) > 0 })
	s.nothingBegins()
	s.lab.Check(returned, lab.Claim{
		Saw:  "ctx ended while the queue was empty, and Receive has not returned",
		Want: "Receive returns nil when ctx ends, whether messages come or not",
		Why:  "the program can't be stopped: the supervisor kills it, in the middle of something",
		Wire: s.story(),
		Read: "01-basics/README.md#stop",
	})
	err := call.Wait()
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended, and Receive returned an error: %v", err),
		Want: "nil: stopping is no error",
		Why:  "each deployment is logged as a failure, and the failures that matter drown among them",
		Wire: s.story(),
		Read: "01-basics/README.md#stop",
	})
	s.rest(1, lab.Claim{Want: "one: order-8, which nobody began", Read: "01-basics/README.md#stop"})
}

func TestEndedCtxBeginsNothing(t *testing.T) {
	s := newStage(t, "order-7")
	var begun atomic.Bool
	for n := range 30 { // a select that finds both ready takes either: it would have to be lucky 30 times
		ch := s.channel()
		// The message is there before Consume returns, so that it is as ready as the end of ctx is.
		asked := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: tap.Filter{From: tap.Broker, Method: "basic.consume-ok"}}})
		call := s.lab.Go("Receive", func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return receive.Receive(ctx, ch, queue, func(context.Context, amqp.Delivery) error {
				begun.Store(true)
				return nil
			})
		})
		s.lab.Soon(func() bool {
			return !call.Running() || s.lab.Tap.Recording().Count(tap.Filter{Method: "basic.deliver"}) > n
		})
		s.lab.Fence(s.conn) // the client has read it
		asked.Remove()
		err := call.Wait()
		s.lab.Check(!begun.Load(), lab.Claim{
			Saw:  "ctx had ended before Receive began, and the handler of order-7 was called",
			Want: "no further message is begun",
			Why:  "a program that was told to stop has seconds; what it begins now is broken off",
			Wire: s.story(),
			Read: "01-basics/README.md#stop",
		})
		s.lab.NoError(err, lab.Claim{
			Saw:  fmt.Sprintf("ctx had ended before Receive began, and it returned: %v", err),
			Want: "nil: stopping is no error",
			Read: "01-basics/README.md#stop",
		})
		if err := ch.Close(); err != nil {
			s.lab.Failf("close the channel: %v", err)
		}
	}
}

// upTo waits until cond holds, but no longer than some milliseconds: for what only a wrong solution does.
func (s *stage) upTo(milliseconds int, cond func() bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(milliseconds)*time.Millisecond)
	defer cancel()
	for ctx.Err() == nil && !cond() {
		s.lab.Exists(queue)
	}
}

// nothingBegins claims that no handler was called after ctx had ended.
func (s *stage) nothingBegins() {
	select {
	case j := <-s.begun:
		s.lab.Fail(lab.Claim{
			Saw:  fmt.Sprintf("ctx had ended, and the handler of %s was called", j.order()),
			Want: "no further message is begun",
			Why:  "a program that was told to stop has seconds; what it begins now is broken off",
			Wire: s.story(),
			Read: "01-basics/README.md#stop",
		})
	default:
	}
}

func TestLostConnectionIsAnError(t *testing.T) {
	s := newStage(t)
	s.lose("the connection is gone", func() { s.lab.Tap.CutAll() })
}

func TestDeletedQueueIsAnError(t *testing.T) {
	s := newStage(t)
	s.lose("the queue was deleted", func() { s.lab.DeleteQueue(queue) })
}

// lose ends the deliveries of a Receive that waits for a message, and claims that it says so.
func (s *stage) lose(what string, end func()) {
	call := s.receive()
	s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.consume-ok"}, 1)

	end()

	returned := s.lab.Soon(func() bool { return !call.Running() || len(s.begun) > 0 })
	s.lab.Check(len(s.begun) == 0, lab.Claim{
		Saw:  what + ", and the handler was called with an empty message",
		Want: "a Go channel that is closed gives zero values, at once and for ever: ask for the second value",
		Why:  "the loop spins: a core burns, the log fills the disk, and no message is handled any more",
		Wire: s.story(),
		Read: "01-basics/README.md#lost",
	})
	s.lab.Check(returned, lab.Claim{
		Saw:  what + ", and Receive goes on waiting",
		Want: "an error: nothing more will come",
		Why:  "the process looks healthy and handles nothing until somebody restarts it",
		Wire: s.story(),
		Read: "01-basics/README.md#lost",
	})
	s.lab.Error(call.Wait(), s.quietEnd(what))
}

// quietEnd is the claim against a Receive that returns nil though nobody asked it to stop.
func (s *stage) quietEnd(what string) lab.Claim {
	return lab.Claim{
		Saw:  what + ", and Receive returned nil",
		Want: "an error: ctx has not ended",
		Why:  "nil means that somebody asked to stop: the program exits quietly, and nobody starts it again",
		Wire: s.story(),
		Read: "01-basics/README.md#lost",
	}
}
