package receive_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/01-basics/2-receive"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const queue = "inventory.commands"

// A stage is a queue with stock to reserve, and a connection and a channel for Receive.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection
	ch   *amqp.Channel

	// The handler of these tests does nothing by itself: it reports that it runs, and returns what the test tells it.
	//
	//	Receive ── handle ──► begun ──► test
	//	        ◄── error ──  job.end ◄──
	begun chan job
	over  chan struct{} // closed when the test ends: handlers that still run return

	t     *testing.T
	calls []*lab.Call // of Receive; they are stopped when the test ends
}

// A job is one message in the hands of a handler.
type job struct {
	amqp.Delivery
	ctx context.Context // what the handler was given
	end chan error      // what it is to return
}

// order is the message's body: "order-7".
func (j job) order() string { return string(j.Body) }

func newStage(t *testing.T, orders ...string) *stage {
	t.Helper()
	t.Parallel()
	l := lab.New(t)
	s := &stage{lab: l, t: t, conn: l.Dial(), begun: make(chan job, 16), over: make(chan struct{})}
	t.Cleanup(s.stop)
	s.ch = s.channel()
	s.lab.Declare(queue, nil)
	s.lab.Publish(queue, orders...)
	return s
}

// channel opens a channel, as the caller of Receive does.
func (s *stage) channel() *amqp.Channel {
	ch, err := s.conn.Channel()
	if err != nil {
		s.lab.Failf("open a channel: %v", err)
	}
	return ch
}

// receive starts Receive.
func (s *stage) receive() *lab.Call {
	return s.start("Receive", s.ch)
}

// start starts a Receive on a channel, by a name for failures.
func (s *stage) start(name string, ch *amqp.Channel) *lab.Call {
	call := s.lab.Go(name, func(ctx context.Context) error { return receive.Receive(ctx, ch, queue, s.handle) })
	s.calls = append(s.calls, call)
	return call
}

// stop ends the test's handlers, and then each Receive that still runs.
func (s *stage) stop() {
	close(s.over)
	for _, call := range s.calls {
		call.Stop()
		if !s.t.Failed() && call.Running() {
			_ = call.WaitOr(lab.Claim{ // whether it is an error is for the tests of stopping to say
				Saw:  "ctx ended, and Receive runs on",
				Want: "Receive returns when ctx ends",
				Why:  "the program can't be stopped: the supervisor kills it, in the middle of something",
				Wire: s.story(),
				Read: "01-basics/README.md#stop",
			})
		}
	}
}

var errOver = errors.New("the test is over")

func (s *stage) handle(ctx context.Context, d amqp.Delivery) error {
	j := job{Delivery: d, ctx: ctx, end: make(chan error, 1)}
	s.lab.Note("handler of %q begins", j.order())
	select {
	case s.begun <- j:
	case <-s.over:
		return errOver
	}
	select {
	case err := <-j.end:
		if err == nil {
			s.lab.Note("handler of %q returns nil", j.order())
		} else {
			s.lab.Note("handler of %q returns an error: %v", j.order(), err)
		}
		return err
	case <-s.over:
		return errOver
	}
}

// next waits until a handler begins.
func (s *stage) next(call *lab.Call, c lab.Claim) job {
	var j job
	begins := s.lab.Soon(func() bool {
		select {
		case j = <-s.begun:
			return true
		default:
			return !call.Running()
		}
	})
	if begins && j.end == nil { // it returned instead
		c.Saw = fmt.Sprintf("Receive returned: %v", call.Wait())
		c.Wire = s.story()
	}
	s.lab.Check(j.end != nil, c)
	return j
}

// must is next where nothing stands in the way.
func (s *stage) must(call *lab.Call) job {
	return s.next(call, lab.Claim{
		Saw:  "messages wait in the queue, and the handler is not called",
		Want: "Receive hands each message to handle",
		Read: "01-basics/README.md#receive",
	})
}

// handled tells the handler to return err, and waits for the answer to its message.
func (s *stage) handled(j job, err error) tap.Event {
	j.end <- err
	answer := s.lab.Expect(tap.Filter{From: tap.Client, Where: tap.Answers(j.DeliveryTag)}, 1, lab.Claim{
		Saw:  fmt.Sprintf("the handler of %s returned (%v), and RabbitMQ got no answer for it", j.order(), err),
		Want: "each message is answered: an ack when it was handled, else it goes back",
		Why: "a message without an answer stays with this process: not done, out of reach for others; " +
			"and the receiver, who is sent one at a time, gets nothing more",
		Wire: s.story(),
		Read: "01-basics/README.md#ack",
	})[0]
	asked := s.autoAcks()
	s.lab.Check(len(asked) == 0, lab.Claim{
		Saw: fmt.Sprintf("%s was consumed with autoAck: RabbitMQ forgot it when it left. Then it was answered too, and "+
			"RabbitMQ knows nothing of it any more: it closes the channel (406 unknown delivery tag)", j.order()),
		Want: "consume without autoAck; then each message waits for its answer",
		Why:  "a crash loses what was sent and not handled, and the answer ends the consumer",
		Wire: s.lab.Wire(append(asked, answer)...),
		Read: "01-basics/README.md#ack",
	})
	return answer
}

// answered returns the answers to a delivery tag so far.
func (s *stage) answered(tag uint64) []tap.Event {
	s.lab.Fence(s.conn)
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: tap.Answers(tag)})
}

// story is the part of the recording that tells of messages: what was delivered, handled and answered, and how it ended.
func (s *stage) story() string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "basic.deliver", "basic.get-ok", "note", "basic.cancel", "disconnect":
			return true
		case "channel.close":
			return e.From == tap.Broker
		}
		return e.From == tap.Client && tap.Answers(0)(e)
	}})...)
}

// awhile lets several round trips to the broker go by, and then all functions come to rest: whoever was going to act at once
// has done it.
func (s *stage) awhile() {
	for range 5 {
		s.lab.Exists(queue)
	}
	s.lab.Settle()
}

// rest closes the channel, as the caller of Receive does, and claims that n messages are in the queue then.
func (s *stage) rest(n int, c lab.Claim) {
	s.lab.Check(!s.ch.IsClosed(), lab.Claim{
		Saw:  "Receive returned, and its caller's channel is closed",
		Want: "ch stays open: it is the caller's",
		Read: "01-basics/README.md#channel",
	})
	if err := s.ch.Close(); err != nil {
		s.lab.Failf("close the channel: %v", err)
	}
	back := s.lab.Soon(func() bool { return s.lab.Depth(queue) == n })
	if c.Saw == "" {
		c.Saw = fmt.Sprintf("Receive has returned, its channel is closed, and the queue has %d messages", s.lab.Depth(queue))
	}
	s.lab.Check(back, c)
}
