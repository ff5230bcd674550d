package single_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"warren.example/workshop/lab"
)

func TestStopKeepsTheOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, kind string) {
		for name, result := range map[string]error{"and it is done": nil, "and it fails": errBroken} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				stopKeepsTheOrder(t, kind, result)
			})
		}
	})
}

func stopKeepsTheOrder(t *testing.T, kind string, result error) {
	s := newStage(t, kind, many)
	a := s.start("A")
	b := s.start("B")
	s.done(s.next(1, a, "process A called Run"))
	j := s.next(2, a, "step-1 was done")
	s.quiet() // what is sent ahead has come

	a.call.Stop()
	s.lab.Note("ctx of process A ends")
	s.quiet()

	after := "ctx of process A ended while its handle of step-2 ran"
	s.nobody(after)
	s.lab.Check(a.call.Running(), lab.Claim{
		Saw:  after + ", and Run returned before the handle had",
		Want: "Run waits for the running handle and acks",
		Why:  "the program exits: step-2 is broken off half-way, and begun again elsewhere",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(j.ctx.Err() == nil, lab.Claim{
		Saw:  after + ", and the context of the handle ended with it",
		Want: "the context that handle gets stays alive: what has begun is finished",
		Why:  "each deployment breaks off a call to the database: is step-2 done or not?",
		Wire: s.story(),
		Read: about,
	})

	j.end <- result // not s.done: the ack may come with the end of the channel

	first := 3
	after += ", and was done"
	if result != nil {
		first = 2
		after = strings.TrimSuffix(after, ", and was done") + ", and failed"
	}
	next := s.next(first, b, after)
	err := s.returned(a, after)
	s.lab.Check(errors.Is(err, result), lab.Claim{
		Saw:  fmt.Sprintf("%s; Run returned: %v", after, err),
		Want: "nil if the handle returned nil, else an error that wraps the handle's",
		Why:  "each deployment is logged as a failure, or a failure as a wanted end",
		Wire: s.story(),
		Read: about,
	})
	s.closed(a, "Run has returned")
	s.done(next)
	s.rest(first+1, many, b, "the step before was done")
	s.stopped(b)
}

// TestStopBeginsNothing stops sixteen times: who leaves it to chance would have to be lucky each time.
func TestStopBeginsNothing(t *testing.T) {
	t.Parallel()
	const stops = 16
	s := newStage(t, "classic", stops+many)
	p := s.connect("A")
	for n := 1; n <= stops; n++ {
		s.again(p)
		j := s.next(n, p, "process A called Run")
		s.lab.Fence(p.conn)
		s.lab.Settle() // what was sent ahead is there
		p.call.Stop()

		j.end <- nil

		s.lab.Soon(func() bool { return !p.call.Running() || len(s.begun) > 0 })
		s.nobody(fmt.Sprintf("ctx ended while the handle of step-%d ran, which has returned", n))
		s.stopped(p)
	}
}

func TestStandByStops(t *testing.T) { onBoth(t, standByStops) }

func standByStops(t *testing.T, kind string) {
	s := newStage(t, kind, many)
	a := s.start("A")
	j := s.next(1, a, "process A called Run")
	b := s.start("B")
	s.quiet()

	s.stopped(b)

	s.nobody("process B, which stood by, was stopped")
	s.done(j)
	s.rest(2, many, a, "step-1 was done")
	s.quiet()
	s.stopped(a) // it waits for a message that does not come
}
