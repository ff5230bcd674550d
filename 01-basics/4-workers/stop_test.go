package workers_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"warren.example/01-basics/4-workers"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestStopWaitsForRunningHandles(t *testing.T) {
	s := newStage(t)
	s.slow = everyone
	s.orders(2)
	call := s.work(2, 2)
	s.lab.Await("two running handles", func() bool { return s.state().running == 2 })

	call.Stop()
	s.upTo(1000, func() bool { return !call.Running() })

	claim := lab.Claim{
		Want: "Work returns after the running handles have",
		Why:  "the program ends with main: both charges are cut off in the middle, and made again after the restart",
		Read: "01-basics/README.md#workers",
	}
	if !call.Running() {
		claim.Saw = fmt.Sprintf("ctx ended, and Work returned while %d handles ran", s.state().running)
		s.lab.Fail(claim)
	}
	s.letAll()
	s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: stopping is no error"})
	s.lab.Check(s.state().running == 0, claim)
	s.lab.Check(len(s.answers()) == 2, lab.Claim{
		Saw:  fmt.Sprintf("2 handles returned nil after ctx had ended, and %d were acked", len(s.answers())),
		Want: "both are acked",
		Why:  "the money was taken and the order comes again: it is taken twice",
		Wire: s.about("order-1"),
		Read: "01-basics/README.md#workers",
	})
}

func TestStopDoesNotBreakARunningHandle(t *testing.T) {
	s := newStage(t)
	s.slow = everyone
	s.orders(1)
	call := s.work(1, 1)
	s.lab.Await("a running handle", func() bool { return s.state().running == 1 })

	call.Stop()
	s.awhile()
	s.letAll()

	s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: stopping is no error"})
	s.lab.Check(len(s.state().broken) == 0, lab.Claim{
		Saw:  "ctx ended, and with it the context of the handle that was charging order-1",
		Want: "the running handle may finish: its context does not end with ctx",
		Why:  "its call to the provider is broken off half-way: was the money taken or not?",
		Read: "01-basics/README.md#workers",
	})
}

func TestStopBeginsNothingNew(t *testing.T) {
	// select takes one of two at random: of 24 workers that don't look again, all would have to be lucky.
	const n, rest = 24, 8
	s := newStage(t)
	s.slow = everyone
	s.orders(n + rest)
	call := s.work(n, n+rest)
	s.lab.Await(fmt.Sprintf("%d running handles", n), func() bool { return s.state().running == n })
	s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.deliver"}, n+rest)
	s.lab.Fence(s.conn) // the client has read them all

	call.Stop()
	s.awhile()
	s.letAll()

	s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: stopping is no error"})
	began := len(s.state().began)
	s.lab.Check(began == n, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended while %d handles ran; after that %d more began", n, began-n),
		Want: "what was sent ahead and not begun is left alone",
		Why: "a stopping program has seconds, and the queue in its memory may take minutes: it is killed in the " +
			"middle of something",
		Read: "01-basics/README.md#select",
	})
	if err := s.ch.Close(); err != nil {
		s.lab.Failf("close the channel: %v", err)
	}
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(queue) == rest }), lab.Claim{
		Saw:  fmt.Sprintf("the channel is closed and %d orders are in the queue", s.lab.Depth(queue)),
		Want: fmt.Sprintf("the %d that nobody began", rest),
		Why:  "an order that was never handled is gone",
		Read: "01-basics/README.md#ack",
	})
}

func TestStopEndsTheConsumerNotTheChannel(t *testing.T) {
	s := newStage(t)
	s.orders(3)
	call := s.work(2, 2)
	s.lab.Await("three charged orders", func() bool { return len(s.state().finished) == 3 })
	s.lab.Settle() // the workers wait for an order now

	s.lab.NoError(call.Stopped(), lab.Claim{Want: "nil: stopping is no error"})

	s.lab.Check(!s.ch.IsClosed(), lab.Claim{
		Saw:  "Work returned, and its caller's channel is closed",
		Want: "who opens a channel closes it: the caller",
		Why:  "whatever else the caller does on this channel fails, far from here",
	})
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Consumers(queue) == 0 }), lab.Claim{
		Saw:  fmt.Sprintf("Work has returned, and %s still has a consumer", queue),
		Want: "no consumer is left",
		Why:  "RabbitMQ goes on sending orders to a process where nobody handles them",
		Read: "01-basics/README.md#workers",
	})
}

func TestStopWaitsForTheEndOfTheConsumer(t *testing.T) {
	s := newStage(t)
	s.orders(3)
	call := s.work(2, 2)
	s.lab.Await("three charged orders", func() bool { return len(s.state().finished) == 3 })
	answer := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: tap.Filter{From: tap.Broker, Method: "basic.cancel-ok"}}})

	call.Stop()
	s.lab.Soon(func() bool { return !call.Running() || answer.Struck() > 0 })
	s.upTo(1000, func() bool { return !call.Running() })

	s.lab.Check(call.Running(), lab.Claim{
		Saw:  "ctx ended, and Work returned before RabbitMQ had confirmed the end of its consumer",
		Want: "Work returns after basic.cancel-ok",
		Why:  "the caller goes on with the channel, and orders still come on it that nobody handles",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
			return e.Name() == "basic.consume" || e.Name() == "basic.cancel" || e.Name() == "basic.cancel-ok"
		}})...),
		Read: "01-basics/README.md#workers",
	})
	answer.Remove()
	s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: stopping is no error"})
}

func TestNothingWaitsForCtxWhenWorkHasReturned(t *testing.T) {
	s := newStage(t)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	call := s.lab.Go("Work", func(context.Context) error { return workers.Work(ctx, s.ch, queue, 2, 2, s.charge) })
	s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.consume-ok"}, 1)
	s.lab.DeleteQueue(queue)
	s.lab.Error(call.WaitOr(lab.Claim{
		Saw:  "the queue was deleted, and Work has not returned",
		Want: "an error, so that the caller can consume again",
		Read: "01-basics/README.md#lost",
	}), lab.Claim{Saw: "the queue was deleted, and Work returned nil", Want: "an error: ctx has not ended"})
	s.lab.Declare(queue, nil)
	s.lab.Fence(s.conn)
	said := tap.Filter{From: tap.Client, Method: "basic.cancel"}
	before := s.lab.Tap.Recording().Count(said)

	cancel() // the caller's ctx lives on after Work, for hours perhaps; now it ends

	late := s.upTo(1000, func() bool { return s.lab.Tap.Recording().Count(said) > before })
	s.lab.Check(!late, lab.Claim{
		Saw: "the queue was deleted, Work returned an error; later ctx ended, and something of Work that had waited " +
			"for it cancelled the consumer that is long gone",
		Want: "when Work has returned, nothing of it runs, in amqp091-go neither",
		Why:  "each time that the caller consumes again, one goroutine more waits for ctx: for the life of the program",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(said)...),
		Read: "01-basics/README.md#workers",
	})
}

func TestCutConnectionIsAnError(t *testing.T) {
	judgeLoss(t, "the connection was cut", func(s *stage) { s.lab.Tap.CutAll() })
}

func TestClosedChannelIsAnError(t *testing.T) {
	judgeLoss(t, "the broker closed the channel", func(s *stage) {
		consume := s.lab.WaitFor(tap.Filter{From: tap.Client, Method: "basic.consume"}, 1)[0]
		if err := s.lab.Tap.CloseChannel(consume.Conn, consume.Channel, 406, "PRECONDITION_FAILED - by the test"); err != nil {
			s.lab.Failf("close the channel: %v", err)
		}
	})
}

func TestDeletedQueueIsAnError(t *testing.T) {
	judgeLoss(t, "the queue was deleted", func(s *stage) { s.lab.DeleteQueue(queue) })
}

// judgeLoss ends the deliveries while two handles run and a third order waits behind them.
func judgeLoss(t *testing.T, what string, lose func(s *stage)) {
	t.Helper()
	s := newStage(t)
	s.slow = everyone
	s.orders(3)
	call := s.work(2, 3)
	s.lab.Await("two running handles", func() bool { return s.state().running == 2 })

	lose(s)
	s.awhile()

	s.lab.Check(call.Running(), lab.Claim{
		Saw:  fmt.Sprintf("%s, and Work returned while %d handles ran", what, s.state().running),
		Want: "Work returns after the running handles have",
		Why:  "the caller starts Work again, and twice as many handles run as the provider allows",
		Read: "01-basics/README.md#lost",
	})
	s.letAll()
	ended := s.lab.Soon(func() bool { return !call.Running() || slices.Contains(s.state().began, "") })
	s.lab.Check(!slices.Contains(s.state().began, ""), lab.Claim{
		Saw:  what + ", and a handle was given a message without content",
		Want: "a closed Go channel gives zero values: they are no messages",
		Why:  "handles run on nothing, as fast as the machine can",
		Read: "01-basics/README.md#goroutines",
	})
	s.lab.Check(ended, lab.Claim{
		Saw:  what + ", and Work has not returned",
		Want: "an error, so that the caller can consume again",
		Why:  "the process looks healthy and handles nothing until somebody restarts it",
		Read: "01-basics/README.md#lost",
	})
	err := call.Wait()
	s.lab.Error(err, lab.Claim{
		Saw:  what + ", and Work returned nil",
		Want: "an error: ctx has not ended",
		Why:  "the caller takes nil for a wanted end and exits quietly; nobody charges orders any more",
		Read: "01-basics/README.md#lost",
	})
}

func TestMissingQueueIsAnError(t *testing.T) {
	s := newStage(t)

	err := s.lab.Do("Work", func(ctx context.Context) error {
		return workers.Work(ctx, s.ch, "payment.comands", 2, 2, s.charge)
	})

	s.lab.Error(err, lab.Claim{
		Saw:  "there is no queue payment.comands, and Work returned nil",
		Want: "an error",
		Why:  "a typing error in a configuration looks like a quiet day",
	})
}

func TestLimitsBelowOneAreRefused(t *testing.T) {
	s := newStage(t)
	for _, limit := range []struct{ workers, prefetch int }{{0, 1}, {1, 0}, {-1, 5}, {5, -1}} {
		err := s.lab.Do("Work", func(ctx context.Context) error {
			return workers.Work(ctx, s.ch, queue, limit.workers, limit.prefetch, s.charge)
		})
		claim := lab.Claim{
			Want: "an error, and nothing is consumed",
			Why:  "to AMQP, prefetch 0 means without limit: one process takes all there is",
			Read: "01-basics/README.md#prefetch",
		}
		claim.Saw = fmt.Sprintf("Work(workers %d, prefetch %d) returned nil", limit.workers, limit.prefetch)
		s.lab.Error(err, claim)
		s.lab.Fence(s.conn)
		claim.Saw = fmt.Sprintf("Work(workers %d, prefetch %d) consumed, and then returned: %v",
			limit.workers, limit.prefetch, err)
		s.lab.Check(s.lab.Tap.Recording().Count(tap.Filter{From: tap.Client, Method: "basic.consume"}) == 0, claim)
	}
}
