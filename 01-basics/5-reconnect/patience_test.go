package reconnect_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"warren.example/01-basics/5-reconnect"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// upTo waits until cond holds, but no longer than some milliseconds, and tells whether it does. It is for what only a
// wrong solution does.
func (s *scene) upTo(milliseconds int, cond func() bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(milliseconds)*time.Millisecond)
	defer cancel()
	for ctx.Err() == nil && !cond() {
		s.lab.Exists(queue)
	}
	return cond()
}

// tries returns how often somebody tried to connect.
func (s *scene) tries() int {
	return s.lab.Tap.Recording().Count(tap.Filter{From: tap.Here, Where: func(e tap.Event) bool {
		return e.Name() == "connect" || e.Text == "a new connection is refused"
	}})
}

func TestPauseComesBeforeEachTry(t *testing.T) {
	s := newScene(t)
	s.run()
	s.consuming()

	s.rest.hold()
	before := s.tries()
	s.lab.Tap.Refuse(true)

	for n := 1; n <= 4; n++ {
		came := s.lab.Soon(func() bool { return len(s.rest.calls()) == n || s.tries()-before > n })
		s.lab.Check(came && len(s.rest.calls()) == n,
			lab.Claim{
				Saw: fmt.Sprintf("the broker is away: Run tried to connect %s, and called Pause %s",
					times(s.tries()-before), times(len(s.rest.calls()))),
				Want: fmt.Sprintf("Pause is called after each loss and each try that failed, %s by now", times(n)),
				Why: "a hundred services that try again as fast as they can keep a broker that starts from ever " +
					"being up",
				Read: "01-basics/README.md#pause",
			})
		s.awhile()
		s.lab.Check(s.tries()-before == n-1, lab.Claim{
			Saw: fmt.Sprintf("while Pause number %d waits, Run has tried to connect %s since the loss",
				n, times(s.tries()-before)),
			Want: fmt.Sprintf("%d: no try while Pause has not returned", n-1),
			Why:  "a pause that nobody waits for is none",
			Read: "01-basics/README.md#pause",
		})
		s.rest.release(1)
	}
}

func TestNeverGivesUp(t *testing.T) {
	const n = 40
	s := newScene(t)
	call := s.run()
	s.consuming()
	s.rest.hold()
	s.lab.Tap.Refuse(true)

	s.rest.release(n)

	s.lab.Check(s.lab.Soon(func() bool { return len(s.rest.calls()) > n || !call.Running() }) && call.Running(), lab.Claim{
		Saw: fmt.Sprintf("the broker was away for %s, and Run gave up%s",
			plural(len(s.rest.calls()), "attempt"), ended(call)),
		Want: "Run tries until ctx ends: whoever wants a limit sets it in Pause",
		Why:  "the broker is back after an hour, and all of its consumers have to be started by hand",
		Read: "01-basics/README.md#pause",
	})
	for i, attempt := range s.rest.calls() {
		s.lab.Check(attempt == i+1, lab.Claim{
			Saw:  fmt.Sprintf("Pause number %d since the last message was called with attempt %d", i+1, attempt),
			Want: "1, 2, 3 …: one more with each try that failed in a row",
			Why:  "the pauses don't grow, and a broker in trouble gets no rest",
			Read: "01-basics/README.md#pause",
		})
	}
	s.lab.Tap.Refuse(false)
	s.rest.free()
	s.mustReserve(call, "order-1", fmt.Sprintf("the broker was away for %d attempts, and is back", n))
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func TestAttemptsCountFromOneAgain(t *testing.T) {
	s := newScene(t)
	call := s.run()
	s.consuming()
	s.rest.hold()
	s.lab.Tap.Refuse(true)
	s.rest.release(3)
	s.lab.Await("the fourth pause", func() bool { return len(s.rest.calls()) == 4 })
	s.lab.Tap.Refuse(false)
	s.rest.release(1)
	s.mustReserve(call, "order-1", "the broker was away for 4 attempts, and is back")
	s.lab.WaitFor(tap.Filter{From: tap.Client, Method: "basic.ack"}, 1)
	before := len(s.rest.calls())

	s.lab.Tap.CutAll()

	s.lab.Await("a pause after the next loss", func() bool { return len(s.rest.calls()) > before })
	s.lab.Check(s.rest.calls()[before] == 1, lab.Claim{
		Saw: fmt.Sprintf("Run was away for %d attempts, came back, and handled order-1; after the next loss it calls "+
			"Pause with attempt %d", before, s.rest.calls()[before]),
		Want: "1: a session in which Handle returned ends the row",
		Why:  "after a bad night every hiccup of the network costs half a minute",
		Read: "01-basics/README.md#pause",
	})
}

func TestSessionWithoutAMessageIsAFailedTry(t *testing.T) {
	s := newScene(t)
	s.rest.hold()
	cut := s.lab.Tap.Add(tap.Cut{
		On:   tap.Trigger{Filter: tap.Filter{From: tap.Broker, Method: "basic.consume-ok"}},
		When: tap.After,
	})
	call := s.run()

	s.rest.release(4)

	s.lab.Check(s.lab.Soon(func() bool { return len(s.rest.calls()) == 5 || !call.Running() }) && call.Running(), lab.Claim{
		Saw:  fmt.Sprintf("each session was cut right after it had begun, and Run ended%s", ended(call)),
		Want: "Run tries until ctx ends",
		Read: "01-basics/README.md#pause",
	})
	s.lab.Check(slices.Equal(s.rest.calls(), []int{1, 2, 3, 4, 5}), lab.Claim{
		Saw: fmt.Sprintf("%d sessions were cut right after they had begun, before any message; Pause was called with %v",
			cut.Struck(), s.rest.calls()),
		Want: "1, 2, 3, 4, 5: only a session in which Handle returned ends the row",
		Why: "a broker that lets everybody in and throws everybody out is met with a hundred new connections a second " +
			"from each service",
		Read: "01-basics/README.md#pause",
	})
}

func TestBrokerMayComeLater(t *testing.T) {
	s := newScene(t)
	s.lab.Tap.Refuse(true)
	call := s.run()
	s.lab.Check(s.lab.Soon(func() bool { return len(s.rest.calls()) >= 3 || !call.Running() }) && call.Running(), lab.Claim{
		Saw:  "there was no broker when Run began" + ended(call),
		Want: "Run pauses and tries again, as later",
		Why:  "after a power cut services and broker start in any order; those that were too quick stay down",
		Read: "01-basics/README.md#reconnect",
	})
	s.lab.Tap.Refuse(false)
	s.consuming()
	s.mustReserve(call, "order-1", "the broker came up after Run had begun")
}

func TestStopEndsAPause(t *testing.T) {
	s := newScene(t)
	s.rest.hold()
	s.lab.Tap.Refuse(true)
	call := s.run()
	s.lab.Await("a pause", func() bool { return len(s.rest.calls()) == 1 })

	call.Stop()

	s.lab.NoError(call.WaitOr(lab.Claim{
		Want: "ctx is given to Pause, and Run returns when ctx ends",
		Why:  "stopping takes as long as the longest pause, and the process is killed instead",
		Read: "01-basics/README.md#pause",
	}), lab.Claim{
		Want: "nil: stopping is no error, also in a pause",
		Why:  "each deployment during an outage looks like a crash",
		Read: "01-basics/README.md#pause",
	})
}

func TestWithoutPauseDelayIsWaitedFor(t *testing.T) {
	s := newScene(t)
	call := s.lab.Go("Run", func(ctx context.Context) error {
		c := reconnect.Consumer{URL: s.url, Queue: queue, Prefetch: 1, Handle: s.reserve}
		return c.Run(ctx)
	})
	s.consuming()
	s.mustReserve(call, "order-1", "a Consumer without Pause has started")

	s.lab.Tap.CutAll()

	s.mustReserve(call, "order-2", "the connection of a Consumer without Pause was cut")
}

func TestErrorOfPauseEndsRun(t *testing.T) {
	s := newScene(t)
	enough := errors.New("enough for today")
	s.rest.failWith(enough)
	s.lab.Tap.Refuse(true)

	call := s.run()
	again := s.lab.Soon(func() bool { return !call.Running() || len(s.rest.calls()) > 1 }) && len(s.rest.calls()) > 1
	s.lab.Check(!again, lab.Claim{
		Saw:  fmt.Sprintf("Pause returned %q, and Run tried again and called Pause once more", enough),
		Want: "an error from Pause ends Run",
		Why:  "whoever set a limit finds that it is none",
		Read: "01-basics/README.md#pause",
	})
	err := call.WaitOr(lab.Claim{Want: "an error from Pause ends Run", Read: "01-basics/README.md#pause"})

	s.lab.Check(errors.Is(err, enough), lab.Claim{
		Saw:  fmt.Sprintf("Pause returned %q, and Run returned: %v", enough, err),
		Want: "the error of Pause, or one that wraps it (%w)",
		Why:  "who sets a limit wants to know that it was reached",
		Read: "01-basics/README.md#pause",
	})
	s.lab.Check(slices.Equal(s.rest.calls(), []int{1}), lab.Claim{
		Saw: fmt.Sprintf("Pause was called with %v", s.rest.calls()), Want: "once, with 1",
	})
}
