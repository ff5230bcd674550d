package acks_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/2-acks"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

const (
	queue = "inventory.commands"
	dead  = "inventory.dead" // where RabbitMQ puts what was discarded from queue
	ahead = 10               // the prefetch of the contract

	about = "03-durability/README.md#acks"
)

// A stage is a queue with stock to reserve, and a connection for Consume.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection

	// The handle of these tests does nothing by itself: it reports that it runs, and returns what the test tells it.
	//
	//	Consume ── handle ──► begun ──► test
	//	        ◄─ Verdict ──  job.end ◄──
	begun chan job
	over  chan struct{} // closed when the test ends: handles that still run return
}

// A job is one message in the hands of a handle.
type job struct {
	amqp.Delivery
	ctx context.Context   // what the handle was given
	end chan acks.Verdict // what it is to return
}

// order is the message's body: "order-7".
func (j job) order() string { return string(j.Body) }

// newStage gives a queue with these orders, and a second one for what is discarded from it.
func newStage(t *testing.T, orders ...string) *stage {
	t.Helper()
	return newStageWith(t, nil, orders...)
}

// newStageWith gives the queue further arguments.
func newStageWith(t *testing.T, args amqp.Table, orders ...string) *stage {
	t.Helper()
	t.Parallel()
	l := lab.New(t)
	s := &stage{lab: l, conn: l.Dial(), begun: make(chan job, 1000), over: make(chan struct{})}
	t.Cleanup(func() { close(s.over) })
	l.Declare(dead, nil)
	all := amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
	for key, value := range args {
		all[key] = value
	}
	l.Declare(queue, all)
	l.Publish(queue, orders...)
	return s
}

// numbered returns order-1 … order-n.
func numbered(n int) []string {
	orders := make([]string, n)
	for i := range orders {
		orders[i] = fmt.Sprintf("order-%d", i+1)
	}
	return orders
}

// consume starts Consume.
func (s *stage) consume() *lab.Call {
	return s.lab.Go("Consume", func(ctx context.Context) error { return acks.Consume(ctx, s.conn, queue, s.handle) })
}

func (s *stage) handle(ctx context.Context, d amqp.Delivery) acks.Verdict {
	j := job{Delivery: d, ctx: ctx, end: make(chan acks.Verdict, 1)}
	s.lab.Note("handle of %q begins", j.order())
	select {
	case s.begun <- j:
	case <-s.over:
		return acks.Again
	}
	select {
	case v := <-j.end:
		s.lab.Note("handle of %q returns %s", j.order(), name(v))
		return v
	case <-s.over:
		return acks.Again
	}
}

func name(v acks.Verdict) string {
	switch v {
	case acks.Ack:
		return "Ack"
	case acks.Again:
		return "Again"
	case acks.Discard:
		return "Discard"
	}
	return fmt.Sprintf("Verdict(%d)", v)
}

// next waits until a handle begins.
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
		c.Saw = fmt.Sprintf("%s; Consume returned: %v", c.Saw, call.Wait())
	}
	c.Wire = s.story()
	s.lab.Check(j.end != nil, c)
	return j
}

// must is next where nothing stands in the way.
func (s *stage) must(call *lab.Call) job {
	return s.next(call, lab.Claim{
		Saw:  "messages wait in the queue, and the handle is not called",
		Want: "Consume hands each message to handle",
		Read: about,
	})
}

// ended tells the handle what to return, and waits for the answer to its message.
func (s *stage) ended(j job, v acks.Verdict) tap.Event {
	j.end <- v
	return s.lab.Expect(tap.Filter{From: tap.Client, Where: tap.Answers(j.DeliveryTag)}, 1, lab.Claim{
		Saw:  fmt.Sprintf("the handle of %s returned %s, and RabbitMQ got no answer for it", j.order(), name(v)),
		Want: "each message is answered, as soon as its handle has returned",
		Why: "a message without an answer stays with this process: not done, out of reach for others; and after ten of them " +
			"nothing more is sent",
		Wire: s.story(),
		Read: about,
	})[0]
}

// answered returns the answers to a delivery tag so far. Tag 0: all.
func (s *stage) answered(tag uint64) []tap.Event {
	s.lab.Fence(s.conn)
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: tap.Answers(tag)})
}

// story is the part of the recording that tells of messages: what was delivered, handled, answered, and how it ended.
func (s *stage) story() string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "basic.deliver", "basic.publish", "note", "basic.cancel", "basic.cancel-ok", "channel.close", "disconnect":
			return true
		}
		return e.From == tap.Client && tap.Answers(0)(e)
	}})...)
}

// sent waits until RabbitMQ has sent n messages of the queue that nobody has answered, and the client has read them.
func (s *stage) sent(n int) {
	s.lab.Await(fmt.Sprintf("%d orders that are sent and not answered", n), func() bool { return s.lab.Unacked(queue) == n })
	s.lab.Fence(s.conn)
}

// sentAhead waits until RabbitMQ has sent n messages, answered or not, and the client has read them.
func (s *stage) sentAhead(n int) {
	s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.deliver"}, n)
	s.lab.Fence(s.conn)
}

// quiet waits until whoever was going to act at once has done it: what was asked of RabbitMQ is answered, the client has
// read the answers, all functions have come to rest, and meanwhile nothing was said. Also is what else must hold by then.
func (s *stage) quiet(also ...func() bool) {
	s.lab.Soon(func() bool {
		before := s.lab.Tap.Recording().Count(tap.Filter{Where: ofMessages})
		s.lab.Fence(s.conn)
		for _, holds := range also {
			if !holds() {
				return false
			}
		}
		waits := s.asking()
		s.lab.Fence(s.conn)
		s.lab.Settle()
		s.lab.Fence(s.conn)
		return !waits && !s.asking() && s.lab.Tap.Recording().Count(tap.Filter{Where: ofMessages}) == before
	})
}

func ofMessages(e tap.Event) bool { return strings.HasPrefix(e.Name(), "basic.") }

// asking tells whether a question is on its way to RabbitMQ, or its answer is on its way back.
func (s *stage) asking() bool {
	for _, method := range []string{"channel.open", "channel.close", "basic.qos", "basic.consume", "basic.cancel"} {
		asked := s.lab.Tap.Recording().Count(tap.Filter{From: tap.Client, Method: method, Where: func(e tap.Event) bool {
			cancel, ok := e.Method.(*wire.BasicCancel)
			return !ok || !cancel.NoWait
		}})
		if asked > s.lab.Tap.Recording().Count(tap.Filter{From: tap.Broker, Method: method + "-ok"}) {
			return true
		}
	}
	return false
}

// crash lets the process die, and waits until RabbitMQ has taken back what it had.
func (s *stage) crash() {
	s.lab.Note("the process dies")
	s.lab.Crash()
	s.lab.Await("RabbitMQ to notice the crash", func() bool { return s.lab.Consumers(queue) == 0 })
}

// rest claims that n orders are in the queue, and none more comes.
func (s *stage) rest(n int, c lab.Claim) {
	there := s.lab.Soon(func() bool { return s.lab.Depth(queue) >= n })
	depth := s.lab.Depth(queue)
	if c.Saw == "" {
		c.Saw = fmt.Sprintf("the queue has %d orders", depth)
	}
	c.Read = about
	s.lab.Check(there && depth == n, c)
}

// stopped stops Consume, and claims that it returns nil.
func (s *stage) stopped(call *lab.Call) {
	call.Stop()
	err := call.WaitOr(lab.Claim{
		Saw:  "ctx ended, no handle runs, and Consume has not returned",
		Want: "Consume returns nil",
		Why:  "the program can't be stopped: the supervisor kills it, in the middle of something",
		Wire: s.story(),
		Read: about,
	})
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended, and Consume returned an error: %v", err),
		Want: "nil: stopping is no error",
		Why:  "each deployment is logged as a failure, and the failures that matter drown among them",
		Wire: s.story(),
		Read: about,
	})
}
