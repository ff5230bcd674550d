package single_test

import (
	"errors"
	"fmt"
	"testing"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestOneAfterTheOther(t *testing.T) { onBoth(t, oneAfterTheOther) }

func oneAfterTheOther(t *testing.T, kind string) {
	s := newStage(t, kind, 0)
	a, b := s.start("A"), s.start("B")
	s.lab.Publish(queue, steps(1, many)...) // both were there first: neither has to wait for the other

	j := s.next(1, nil, "two processes called Run, and steps came")
	s.quiet()
	s.nobody("the handle of step-1 runs in process " + j.by.name)
	standBy := a
	if j.by == a {
		standBy = b
	}
	sent := s.lab.Tap.Recording().Find(tap.Filter{From: tap.Broker, Conn: standBy.id, Method: "basic.deliver"})
	s.lab.Check(len(sent) == 0, lab.Claim{
		Saw: fmt.Sprintf("process %s is active, and RabbitMQ has sent %d steps to process %s too",
			j.by.name, len(sent), standBy.name),
		Want: "a single active consumer: whoever stands by is sent nothing",
		Why:  "each process handles its own steps in order, and all together don't; a lock in one process says nothing to another",
		Wire: s.lab.Wire(sent[:min(len(sent), 5)]...),
		Read: about,
	})
	s.done(j)
	s.rest(2, 3, j.by, "step-1 was done")
	j = s.next(4, j.by, "step-3 was done")
	s.quiet()
	s.nobody("the handle of step-4 runs")
	s.done(j)
	s.rest(5, many, j.by, "step-4 was done")
	s.stopped(a)
	s.stopped(b)
}

func TestRestStaysInTheQueue(t *testing.T) {
	t.Parallel()
	s := newStage(t, "classic", 3*many)
	a := s.start("A")

	j := s.next(1, a, "process A called Run")
	s.quiet()

	sent := s.lab.Tap.Recording().Count(tap.Filter{From: tap.Broker, Method: "basic.deliver"})
	s.lab.Check(sent <= ahead, lab.Claim{
		Saw:  fmt.Sprintf("the handle of step-1 runs, and of %d steps %d were sent to this process", 3*many, sent),
		Want: "ten at most, the rest stays in the queue",
		Why:  "a backlog of a million steps comes into the memory of one process; it dies of that, and so does the next",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
			return e.Name() == "basic.qos" || e.Name() == "basic.consume"
		}})...),
		Read: about,
	})
	s.done(j)
}

func TestFailedStepComesFirst(t *testing.T) { onBoth(t, failedStepComesFirst) }

func failedStepComesFirst(t *testing.T, kind string) {
	s := newStage(t, kind, many)
	p := s.start("A")
	s.done(s.next(1, p, "process A called Run"))
	j := s.next(2, p, "step-1 was done")
	for _, name := range []string{"B", "C", "D"} {
		standBy := s.start(name)
		s.quiet() // all that is sent ahead has come

		j.end <- errStep

		after := fmt.Sprintf("the handle of step-2 failed in process %s", p.name)
		next := s.next(2, standBy, after)
		err := s.returned(p, after)
		claim := lab.Claim{
			Saw:  after + ", and Run returned nil",
			Want: "an error that wraps the handle's",
			Why:  "the program takes that for a wanted end, and exits quietly",
			Wire: s.story(),
			Read: about,
		}
		s.lab.Error(err, claim)
		claim.Saw = fmt.Sprintf("%s, and Run returned: %v", after, err)
		s.lab.Check(errors.Is(err, errStep), claim)
		s.closed(p, "Run returned the handle's error")
		p, j = standBy, next
	}
	s.done(j)
	s.rest(3, many, p, "step-2 was done at last")
	s.stopped(p)
}

// TestFailingStepIsNotDropped fails more often than RabbitMQ 4 allows by itself.
func TestFailingStepIsNotDropped(t *testing.T) {
	t.Parallel()
	const tries = 25
	s := newStage(t, "quorum", many)
	p := s.start("A")
	after := "process A called Run"
	for try := range tries {
		s.next(1, p, after).end <- errStep
		after = fmt.Sprintf("step-1 failed %d times", try+1)
		s.lab.Error(s.returned(p, after), lab.Claim{Saw: after + ", and Run returned nil", Want: "an error", Read: about})
		s.again(p)
	}
	s.rest(1, many, p, after)
	s.stopped(p)
	args := s.lab.Queue(queue).Arguments
	limit, limited := args["x-delivery-limit"].(float64)
	s.lab.Check(!limited || limit < 0 || limit >= 1e6, lab.Claim{
		Saw:  fmt.Sprintf("step-1 is there after %d failures, but not for ever: the queue was declared with %v", tries, args),
		Want: "a delivery limit that nobody reaches: a million, or more",
		Why:  "the database is away for an hour, and the first ten steps of the queue are dropped",
		Read: about,
	})
}

func TestPanicKeepsTheOrder(t *testing.T) { onBoth(t, panicKeepsTheOrder) }

func panicKeepsTheOrder(t *testing.T, kind string) {
	s := newStage(t, kind, many)
	a := s.start("A")
	j := s.next(1, a, "process A called Run")
	b := s.start("B")

	j.end <- errPanic

	const after = "the handle of step-1 panicked in process A"
	s.rest(1, many, b, after)
	s.lab.Error(s.returned(a, after), lab.Claim{
		Saw:  after + ", and Run returned nil",
		Want: "an error, or the panic goes on",
		Why:  "the program takes that for a wanted end, and exits quietly",
		Wire: s.story(),
		Read: about,
	})
	s.closed(a, after)
	s.stopped(b)
}
