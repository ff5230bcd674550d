package workers_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/01-basics/4-workers"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

const queue = "payment.commands"

// A stage is a queue of payment commands, a connection and a channel for Work, and the provider that its handles call.
type stage struct {
	lab *lab.Lab
	*provider
	conn *amqp.Connection
	ch   *amqp.Channel
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	l := lab.New(t)
	s := &stage{lab: l, provider: newProvider(t, l), conn: l.Dial()}
	s.ch = s.channel(t)
	l.Declare(queue, nil)
	return s
}

func (s *stage) channel(t *testing.T) *amqp.Channel {
	t.Helper()
	ch, err := s.conn.Channel()
	if err != nil {
		s.lab.Failf("open a channel: %v", err)
	}
	return ch
}

// orders publishes order-1 … order-n.
func (s *stage) orders(n int) {
	for i := range n {
		s.lab.Publish(queue, fmt.Sprintf("order-%d", i+1))
	}
}

// work starts Work on the stage's channel.
func (s *stage) work(n, prefetch int) *lab.Call {
	return s.lab.Go("Work", func(ctx context.Context) error {
		return workers.Work(ctx, s.ch, queue, n, prefetch, s.charge)
	})
}

// awhile lets several round trips to the broker go by, and then all functions come to rest: whoever was going to act at once
// has done it.
func (s *stage) awhile() {
	for range 5 {
		s.lab.Exists(queue)
	}
	s.lab.Settle()
}

// upTo waits until cond holds, but no longer than some milliseconds, and tells whether it does. It is for what only a
// wrong solution does.
func (s *stage) upTo(milliseconds int, cond func() bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(milliseconds)*time.Millisecond)
	defer cancel()
	for ctx.Err() == nil && !cond() {
		s.lab.Exists(queue)
	}
	return cond()
}

func TestSlowMessageHoldsUpNobody(t *testing.T) {
	s := newStage(t)
	s.slow = only("order-1")
	s.orders(12)

	call := s.work(2, 6)

	s.lab.Check(s.lab.Soon(func() bool { return len(s.state().finished) == 11 }), lab.Claim{
		Saw:  "order-1 waits for a slow provider, and the other worker does not get on with order-2 to order-12",
		Want: "11 orders are charged while order-1 waits",
		Why:  "one customer's slow bank stops the payments of all others",
		Read: "01-basics/README.md#workers",
	})
	s.let("order-1")
	s.lab.Check(s.lab.Soon(func() bool { return len(s.answers()) == 12 }), lab.Claim{
		Saw:  fmt.Sprintf("%d answers for 12 orders", len(s.answers())),
		Want: "each order is answered once",
	})
	s.lab.NoError(call.Stopped(), lab.Claim{Want: "nil when ctx has ended"})
}

func TestAllWorkersWork(t *testing.T) {
	s := newStage(t)
	s.slow = everyone
	s.orders(8)

	s.work(4, 8)

	s.lab.Check(s.lab.Soon(func() bool { return s.state().running == 4 }), lab.Claim{
		Saw:  "8 orders wait, and not all of the 4 workers have one",
		Want: "4 handles run at the same time",
		Why:  "the queue grows while workers that you pay for stand idle",
		Read: "01-basics/README.md#workers",
	})
}

func TestNeverMoreThanTheWorkers(t *testing.T) {
	s := newStage(t)
	s.slow = everyone
	s.orders(6)

	s.work(2, 6)

	s.lab.Check(s.lab.Soon(func() bool { return s.state().running >= 2 }), lab.Claim{
		Saw: "6 orders wait, and not both workers have one", Want: "2 handles run at the same time",
	})
	s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.deliver"}, 6)
	for i := 1; i <= 6; i++ {
		s.awhile()
		if most := s.state().most; most > 2 {
			s.lab.Fail(lab.Claim{
				Saw:  fmt.Sprintf("%d handles ran at the same time", most),
				Want: "never more than workers = 2, though prefetch = 6 messages have been sent",
				Why:  "the provider allows two calls at a time and bans who makes more: a pool protects what is behind it",
				Read: "01-basics/README.md#workers",
			})
		}
		s.let(fmt.Sprintf("order-%d", i))
	}
}

func TestSecondProcessGetsItsShare(t *testing.T) {
	s := newStage(t)
	s.slow = everyone
	s.orders(10)
	s.work(2, 3)
	s.lab.Await("two running handles", func() bool { return s.state().running == 2 })

	second := newProvider(t, s.lab)
	ch := s.channel(t)
	s.lab.Go("Work of a second process", func(ctx context.Context) error {
		return workers.Work(ctx, ch, queue, 1, 1, second.charge)
	})

	s.lab.Check(s.lab.Soon(func() bool { return len(second.state().finished) == 7 }), lab.Claim{
		Saw: "a second process was started to help, and can't get at the orders that wait",
		Want: "the first process, whose workers are all busy, has been sent prefetch = 3 orders; " +
			"the second takes the other 7",
		Why:  "you scale out on the busiest day of the year, and it changes nothing",
		Read: "01-basics/README.md#prefetch",
	})
}

func TestRestStaysInTheQueue(t *testing.T) {
	s := newStage(t)
	s.slow = everyone
	s.orders(20)

	s.work(2, 5)

	s.lab.Await("two running handles", func() bool { return s.state().running == 2 })
	s.lab.Await("20 orders, ahead or in the queue", func() bool { return s.lab.Depth(queue)+s.lab.Unacked(queue) == 20 })
	s.lab.Check(s.lab.Depth(queue) == 15, restClaim(s, 15))
	s.lab.Publish(queue, "order-21") // one more changes nothing
	s.awhile()
	s.lab.Check(s.lab.Depth(queue) == 16, restClaim(s, 16))
}

func restClaim(s *stage, want int) lab.Claim {
	return lab.Claim{
		Saw: fmt.Sprintf("2 handles run, and %d orders were sent ahead; %d are still in the queue",
			s.lab.Unacked(queue), s.lab.Depth(queue)),
		Want: fmt.Sprintf("prefetch = 5 orders are sent ahead, %d stay in the queue", want),
		Why: "what was sent ahead sits in this process's memory: nobody else can take it, and after a crash all of it " +
			"is sent again",
		Read: "01-basics/README.md#prefetch",
	}
}

func TestRunningHandleIsNotAnswered(t *testing.T) {
	s := newStage(t)
	s.slow = only("order-1")
	s.orders(4)
	s.work(2, 4)
	s.lab.Check(s.lab.Soon(func() bool { return len(s.state().finished) == 3 }), lab.Claim{
		Saw:  "order-1 waits for a slow provider, and the other worker does not get on",
		Want: "order-2, order-3 and order-4 are charged",
	})
	s.lab.Check(s.lab.Soon(func() bool { return len(s.answers()) >= 3 }), lab.Claim{
		Saw:  fmt.Sprintf("three handles have returned nil, and RabbitMQ got %d answers", len(s.answers())),
		Want: "an ack for each",
	})
	wire, early := s.about("order-1"), s.answerTo("order-1") != nil

	s.lab.Crash() // the process dies while it charges order-1

	s.lab.Await("RabbitMQ to notice the crash", func() bool { return s.lab.Consumers(queue) == 0 })
	s.lab.Check(!early && s.lab.Soon(func() bool { return s.lab.Depth(queue) == 1 }), lab.Claim{
		Saw: fmt.Sprintf("the process died while the handle of order-1 ran; the queue has %d orders now",
			s.lab.Depth(queue)),
		Want: "order-1 is in the queue again, and nothing else is",
		Why:  "an ack tells RabbitMQ to forget: the payment is neither made nor declined, and nobody knows",
		Wire: wire,
		Read: "01-basics/README.md#ack",
	})
}

func TestEachMessageIsAnsweredOnce(t *testing.T) {
	s := newStage(t)
	s.slow = everyone
	s.orders(4)
	call := s.work(4, 4)
	s.lab.Await("four running handles", func() bool { return s.state().running == 4 })

	claim := lab.Claim{
		Want: "each handle's end is followed by an ack for its own message",
		Why:  "RabbitMQ forgets an order that is still in work, and closes the channel on the second answer to a tag (406)",
		Read: "01-basics/README.md#ack",
	}
	for i, order := range []string{"order-3", "order-1", "order-4", "order-2"} {
		s.let(order)
		answered := s.lab.Soon(func() bool { return len(s.answers()) > i })
		claim.Wire = s.about(order)
		claim.Saw = fmt.Sprintf("the handle of %s returned nil, and nothing was answered", order)
		s.lab.Check(answered, claim)
		claim.Saw = fmt.Sprintf("the handle of %s returned nil, and another order was answered", order)
		s.lab.Check(s.answerTo(order) != nil, claim)
	}
	s.lab.NoError(call.Stopped(), lab.Claim{Want: "nil when ctx has ended"})
	claim.Saw = fmt.Sprintf("4 orders were answered with %d acks, nacks and rejects", len(s.answers()))
	claim.Wire = s.lab.Wire(s.answers()...)
	s.lab.Check(len(s.answers()) == 4, claim)
}

func TestFailedMessageComesAgain(t *testing.T) {
	s := newStage(t)
	s.fail = everyone // the first time
	s.orders(3)

	call := s.work(2, 3)

	back := lab.Claim{
		Want: "order-1 goes back to the queue and is delivered again",
		Why:  "the provider was away for a second, and a payment is lost for ever",
		Read: "01-basics/README.md#ack",
	}
	answered := s.lab.Soon(func() bool { return s.answerTo("order-1") != nil })
	back.Wire = s.about("order-1")
	back.Saw = "the handle of order-1 returned an error, and RabbitMQ was not told"
	s.lab.Check(answered, back)
	_, acked := s.answerTo("order-1").Method.(*wire.BasicAck)
	back.Saw = "the handle of order-1 returned an error, and order-1 was acked"
	s.lab.Check(!acked, back)
	again := s.lab.Soon(func() bool { return len(s.state().finished) >= 6 || !call.Running() }) && call.Running()
	back.Saw = fmt.Sprintf("the handles of 3 orders returned an error, the first time; in all, %d handles have run",
		len(s.state().finished))
	back.Want = "6: each order comes again, and as many workers as before are there for it"
	s.lab.Check(again, back)
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(queue)+s.lab.Unacked(queue) == 0 }), lab.Claim{
		Saw:  "all orders were charged the second time, and some are still in the queue",
		Want: "nothing is left in the queue",
		Wire: s.about("order-1"),
	})
}

func TestFailureTouchesNoOtherMessage(t *testing.T) {
	s := newStage(t)
	s.slow, s.fail = only("order-1"), only("order-2")
	s.orders(2)

	s.work(2, 2)

	again := s.lab.Soon(func() bool { return len(s.state().finished) == 2 || s.times("order-1") > 1 })
	s.awhile()
	s.lab.Check(s.times("order-1") == 1, lab.Claim{
		Saw:  "the handle of order-1 runs, the one of order-2 returned an error: and order-1 was delivered again",
		Want: "only order-2 goes back",
		Why:  "a second worker charges the same order while the first one is at it",
		Wire: s.about("order-1"),
		Read: "01-basics/README.md#ack",
	})
	s.lab.Check(again, lab.Claim{
		Saw:  "the handle of order-2 returned an error, and order-2 did not come again",
		Want: "order-2 goes back to the queue and is delivered again",
		Why:  "the provider was away for a second, and a payment is lost for ever",
		Wire: s.about("order-2"),
		Read: "01-basics/README.md#ack",
	})
}

func TestQuorumQueueIsServedToo(t *testing.T) {
	s := newStage(t)
	s.lab.DeleteQueue(queue)
	s.lab.Declare(queue, amqp.Table{"x-queue-type": "quorum"})
	s.orders(3)

	call := s.work(2, 2)

	came := s.lab.Soon(func() bool { return len(s.state().finished) == 3 || !call.Running() })
	s.lab.Check(came && call.Running(), lab.Claim{
		Saw:  "the queue is a quorum queue, and Work ended",
		Want: "3 orders are charged: prefetch is set for each consumer, not for the whole channel (global)",
		Why:  "the shop's queues are quorum queues; they refuse global prefetch, and RabbitMQ ends the connection (540)",
		Read: "01-basics/README.md#prefetch",
	})
}
