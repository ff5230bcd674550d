package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/6-replay"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// nothingStaysOpen claims that Replay has closed its channel, and not the connection.
func (s *stage) nothingStaysOpen() {
	if !s.conn.IsClosed() {
		s.lab.Fence(s.conn) // RabbitMQ may have closed a channel, and the answer to that is still under way
	}
	s.lab.Check(!s.conn.IsClosed() && s.lab.OpenChannels(s.conn) == 0, lab.Claim{
		Saw: fmt.Sprintf("Replay has returned; connection closed: %v, channels that are open on it: %d", s.conn.IsClosed(),
			s.lab.OpenChannels(s.conn)),
		Want: "the connection as it was, and no channel",
		Why:  "a channel that is left open keeps messages out of everybody's reach",
		Wire: s.story(),
		Read: about,
	})
}

// The first message never arrives, so RabbitMQ never confirms it. What it says about others tells nothing about this one.
func TestUnconfirmedStays(t *testing.T) {
	s := newStage(t)
	all := []string{"order-1", "order-2", "order-3"}
	s.dies(inventory, all...)
	begun := s.now()
	lost := s.lab.Tap.Add(tap.Drop{On: publishing(1)})
	run := s.replay(10)
	s.lab.Soon(func() bool { return lost.Struck() > 0 || !run.Running() })
	s.quiet()
	wire := s.story()

	s.lab.Crash()

	s.lab.Soon(func() bool { return s.lab.Depth(dead) == 3-s.acked(begun) }) // RabbitMQ has noticed
	s.missing(all, s.ids(dead), s.ids(inventory), lab.Claim{
		Saw:  "order-1 was on its way back when the connection broke, and RabbitMQ had not confirmed it",
		Want: "it stays in the dead letter queue until RabbitMQ has said that this very message is in its queue",
		Wire: wire,
	})
	s.lab.Error(run.Wait(), lab.Claim{
		Saw:  "the connection broke in the middle, and Replay returned nil",
		Want: "an error",
		Why:  "the human at the console believes that all went back",
		Wire: wire,
		Read: about,
	})
}

// missing claims that each order is in one of two queues.
func (s *stage) missing(all, dead, back []string, c lab.Claim) {
	if c.Why == "" {
		c.Why = "a paid order that is nowhere any more, lost by the one who wanted to save it"
	}
	saw := c.Saw
	for _, id := range all {
		c.Saw = fmt.Sprintf("%s: %s is nowhere; dead are %q, back are %q", saw, id, dead, back)
		c.Read = about
		s.lab.Check(slices.Contains(dead, id) || slices.Contains(back, id), c)
	}
}

func TestCutLosesNothing(t *testing.T) {
	for _, from := range []tap.Side{tap.Client, tap.Broker} {
		for _, when := range []tap.When{tap.Before, tap.After} {
			t.Run(fmt.Sprintf("%s a unit from %s", when, from), func(t *testing.T) { sweep(t, from, when) })
		}
	}
}

func sweep(t *testing.T, from tap.Side, when tap.When) {
	t.Parallel()
	s := &stage{lab: lab.New(t)}
	all := []string{"order-1", "order-2"}
	for step := range s.lab.Sweep(tap.Filter{From: from}, when) {
		dead, queue := step.Name("dead"), step.Name("inventory")
		s.lab.Declare(dead, nil)
		s.lab.Declare(queue, amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
		s.setUp(queue, dead, all)
		conn := s.lab.Dial()
		begun := s.now()

		step.Begin()
		moved := 0
		err := s.lab.Do("Replay", func(ctx context.Context) error {
			var err error
			moved, err = replay.Replay(ctx, conn, dead, len(all))
			return err
		})

		_ = conn.CloseDeadline(time.Now().Add(time.Second))
		s.lab.Finished(err)
		s.lab.Soon(func() bool { return s.lab.Depth(dead) == len(all)-s.acked(begun) }) // RabbitMQ has noticed
		left, back := s.ids(dead), s.ids(queue)
		s.missing(all, left, back, lab.Claim{
			Saw:  step.String(),
			Want: "it is in the dead letter queue until RabbitMQ has confirmed it in its own",
			Wire: step.Wire(),
		})
		s.returned(step, moved, err, left, back)
	}
}

// setUp lets orders die in a queue of a step.
func (s *stage) setUp(queue, dead string, all []string) {
	ch := s.lab.Channel()
	for n, id := range all {
		s.lab.Put("", queue, order(id))
		d, ok, err := ch.Get(queue, false)
		s.must(err)
		if !ok {
			s.lab.Failf("%s is not in %s", id, queue)
		}
		s.must(d.Reject(false))
		s.lab.Await(id+" in "+dead, func() bool { return s.lab.Depth(dead) == n+1 })
	}
}

// returned claims that what Replay returned is true.
func (s *stage) returned(step *lab.Step, moved int, err error, dead, back []string) {
	slices.Sort(back)
	back = slices.Compact(back) // one that was under way may be there twice
	gone := 2 - len(dead)
	s.lab.Check(gone <= moved && moved <= len(back), lab.Claim{
		Saw:  fmt.Sprintf("%s: Replay returned %d and %v; dead are %q, back are %q", step, moved, err, dead, back),
		Want: fmt.Sprintf("at least %d, which have left the dead letter queue, and at most %d", gone, len(back)),
		Why:  "the human at the console repeats what was done, or believes in what wasn't",
		Wire: step.Wire(),
		Read: about,
	})
	s.lab.Check(err != nil || len(dead) == 0 && len(back) == 2, lab.Claim{
		Saw:  fmt.Sprintf("%s: Replay returned nil; dead are %q, back are %q", step, dead, back),
		Want: "nil only when all are back, and RabbitMQ knows that they are no longer dead",
		Why:  "what is in both queues comes twice with the next replay, and nobody expects it",
		Wire: step.Wire(),
		Read: about,
	})
	s.lab.Check(err == nil || step.Struck(), lab.Claim{
		Saw: fmt.Sprintf("%s: Replay returned: %v", step, err), Want: "nil", Wire: step.Wire(), Read: about,
	})
}

func TestEndOfCtxEndsIt(t *testing.T) {
	s := newStage(t)
	claim := lab.Claim{
		Want: "an error that wraps ctx's",
		Why:  "somebody has pressed Ctrl-C because things go wrong, and is told that all is well",
		Read: about,
	}

	ended := func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx
	}
	run := s.replayWith(10, ended) // nothing is dead yet
	err := run.Wait()
	claim.Saw = fmt.Sprintf("ctx had ended before, nothing was dead, and Replay returned %d, %v", run.moved, err)
	s.lab.Check(errors.Is(err, context.Canceled), claim)

	s.dies(inventory, "order-1", "order-2", "order-3")
	run = s.replayWith(10, ended)
	err = run.Wait()
	claim.Saw = fmt.Sprintf("ctx had ended before, and Replay returned %d, %v", run.moved, err)
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	s.lab.Soon(func() bool { return s.lab.Depth(dead) >= 3 })
	claim.Want, claim.Wire = "0, and all three are in the dead letter queue", s.story()
	s.lab.Check(run.moved == 0 && s.lab.Depth(dead) == 3, claim)

	begun := s.now()
	taking := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Nth: 1, Filter: tap.Filter{From: tap.Broker, Where: func(e tap.Event) bool {
		return e.Name() == "basic.get-ok" || e.Name() == "basic.deliver"
	}}}})
	run = s.replay(10)
	s.lab.Soon(func() bool { return taking.Struck() > 0 || !run.Running() })
	run.Stop()
	taking.Release()
	err = run.Wait()
	claim.Saw = fmt.Sprintf("ctx ended before order-1 came from RabbitMQ, and Replay returned %d, %v", run.moved, err)
	claim.Want, claim.Wire = "an error that wraps ctx's", s.story()
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	claim.Saw = fmt.Sprintf("ctx ended before order-1 came from RabbitMQ; Replay sent %d", s.published(inventory, begun))
	claim.Want = "none: nothing more is sent when ctx has ended"
	s.lab.Check(s.published(inventory, begun) == 0, claim)
	s.lab.Soon(func() bool { return s.lab.Depth(dead) == 3 })

	held := s.lab.Tap.Add(tap.HoldConfirm{On: publishing(2)})
	run = s.replay(10)
	s.lab.Soon(func() bool { return held.Struck() > 0 || !run.Running() })
	s.quiet()
	run.Stop()
	err = run.WaitOr(lab.Claim{
		Saw:  "ctx ended, and Replay goes on waiting for RabbitMQ's confirm",
		Want: "an error that wraps ctx's",
		Why:  "RabbitMQ is short of memory and confirms nothing: Ctrl-C does nothing, and somebody takes kill -9",
		Wire: s.story(),
		Read: about,
	})
	claim.Saw = fmt.Sprintf("ctx ended before RabbitMQ confirmed order-2, and Replay returned %d, %v", run.moved, err)
	claim.Want = "an error that wraps ctx's"
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	s.lab.Soon(func() bool { return s.lab.Depth(dead) == 3-run.moved })
	left := s.ids(dead)
	claim.Saw = fmt.Sprintf("ctx ended before RabbitMQ confirmed order-2; Replay returned %d, and dead are %q", run.moved, left)
	claim.Want, claim.Wire = "order-2 is among them, and the number says how many have left", s.story()
	s.lab.Check(slices.Contains(left, "order-2") && len(left) == 3-run.moved && run.moved > 0, claim)
	s.nothingStaysOpen()
}

func TestMissingQueueIsAnError(t *testing.T) {
	s := newStage(t)
	s.lab.DeleteQueue(dead)

	run := s.replay(10)
	err := run.Wait()

	s.lab.Error(err, lab.Claim{
		Saw:  "there is no dead letter queue of that name, and Replay returned nil",
		Want: "an error",
		Why:  "a typing error at the console, and it looks as if nothing were dead",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(!s.lab.Exists(dead), lab.Claim{
		Saw:  "there was no dead letter queue of that name, and now there is one",
		Want: "Replay declares nothing",
		Why:  "a typing error at the console, and a queue that nobody needs is there for ever",
		Wire: s.story(),
		Read: about,
	})
	s.nothingStaysOpen()
}
