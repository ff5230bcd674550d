package single_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/1-single"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// brokenOff is the way after which the handle breaks off. After the others it goes on to its end.
const brokenOff = "its connection was cut"

// ways are how a process can lose its channel.
var ways = map[string]func(*stage, *process){
	brokenOff: (*stage).cut,
	"RabbitMQ closed its channel": func(s *stage, p *process) {
		consume := s.lab.WaitFor(tap.Filter{From: tap.Client, Conn: p.id, Method: "basic.consume"}, 1)[0]
		if err := s.lab.Tap.CloseChannel(p.id, consume.Channel, 406, "PRECONDITION_FAILED - by the test"); err != nil {
			s.lab.Failf("close the channel: %v", err)
		}
	},
	"the caller closed its connection": func(_ *stage, p *process) { _ = p.conn.Close() },
}

// cut ends the connection of one process, as when it dies.
func (s *stage) cut(p *process) {
	s.lab.Note("process %s dies", p.name)
	cut := s.lab.Tap.Add(tap.Cut{When: tap.Before, On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Conn: p.id}, Nth: 1}})
	s.lab.Fence(p.conn)
	cut.Remove()
	s.lab.Await("a client that has noticed", p.conn.IsClosed)
}

func TestLossKeepsTheOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, kind string) {
		for way, lose := range ways {
			t.Run(way, func(t *testing.T) {
				t.Parallel()
				lossKeepsTheOrder(t, kind, way, lose)
			})
		}
		const way = "its ctx ended, and then its connection was cut"
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			lossKeepsTheOrder(t, kind, way, func(s *stage, p *process) {
				p.call.Stop()
				s.quiet()
				s.cut(p)
			})
		})
	})
}

func lossKeepsTheOrder(t *testing.T, kind, way string, lose func(*stage, *process)) {
	s := newStage(t, kind, many)
	a := s.start("A")
	b := s.start("B")
	s.done(s.next(1, a, "process A called Run"))
	j := s.next(2, a, "step-1 was done")
	s.quiet() // what is sent ahead has come

	lose(s, a)

	after := "process A was in the middle of step-2, and " + way
	next := s.next(2, b, after)
	ended := s.lab.Soon(func() bool { return j.ctx.Err() != nil })
	s.lab.Check(ended, lab.Claim{
		Saw:  after + "; process B began step-2, and the context of A's handle goes on",
		Want: "it ends: A is the active one no more",
		Why:  "two handles do the same step side by side, for as long as the first one takes, and it may be the last to write",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(a.call.Running(), lab.Claim{
		Saw:  after + "; Run of process A returned while its handle was running",
		Want: "it returns when no handle runs any more",
		Why:  "the caller connects again and calls Run again: two handles side by side, in one process",
		Wire: s.story(),
		Read: about,
	})

	if way == brokenOff {
		j.end <- j.ctx.Err()
	} else {
		j.end <- nil // it didn't look at its context
	}

	s.lab.Soon(func() bool { return !a.call.Running() || len(s.begun) > 0 })
	s.nobody(after + "; A's handle returned")
	s.lab.Error(s.returned(a, after+"; its handle returned"), lab.Claim{
		Saw:  after + "; Run of process A returned nil",
		Want: "an error: step-2 was not acked",
		Why:  "nil means that all is in good order: the program exits quietly, and nobody asks what happened",
		Wire: s.story(),
		Read: about,
	})
	s.done(next)
	s.rest(3, many, b, "step-2 was done by process B")
	s.stopped(b)
}

func TestLossOfAnIdleOneIsAnError(t *testing.T) {
	t.Parallel()
	ways := maps.Clone(ways)
	ways["its queue was deleted"] = func(s *stage, _ *process) { s.lab.DeleteQueue(queue) }
	for way, lose := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "quorum", 0)
			a := s.start("A")
			s.lab.Settle()

			lose(s, a)

			after := "process A waited for a step, and " + way
			err := s.returned(a, after)
			s.nobody(after)
			claim := lab.Claim{
				Saw:  after + "; Run returned nil",
				Want: "an error: its ctx has not ended",
				Why:  "nil means that somebody asked to stop: the program exits quietly, and nobody starts it again",
				Wire: s.story(),
				Read: about,
			}
			s.lab.Error(err, claim)
			var none *amqp.Error
			claim.Saw = after + "; Run returned a nil *amqp.Error as its error"
			claim.Why = "in an error, a nil pointer is not nil: err != nil holds, and whoever calls err.Error() panics"
			s.lab.Check(err != error(none), claim)
		})
	}
}

func TestMissingQueueIsAnError(t *testing.T) {
	t.Parallel()
	s := newStage(t, "classic", 0)
	s.lab.DeleteQueue(queue)
	p := s.connect("A")
	s.run(p)

	const after = "there is no queue " + queue
	err := s.returned(p, after)

	claim := lab.Claim{
		Saw:  after + ", and Run returned nil",
		Want: "an error, as RabbitMQ says it: 404",
		Why:  "a typing error in a configuration looks like a quiet day",
		Read: about,
	}
	s.lab.Error(err, claim)
	claim.Saw = after + ", and Run made one"
	s.lab.Check(!s.lab.Exists(queue), claim)
	s.closed(p, after+", and Run returned an error")
}

// TestCutAnywhereKeepsTheOrder has two processes, cuts one of them at the first unit of the wire, then at the second, and so on,
// and looks whether anything was begun before all that comes before it had been done once.
func TestCutAnywhereKeepsTheOrder(t *testing.T) { onBoth(t, cutAnywhereKeepsTheOrder) }

func cutAnywhereKeepsTheOrder(t *testing.T, kind string) {
	const n = 3
	l := lab.New(t)
	s := &stage{lab: l}
	for step := range l.Sweep(tap.Filter{}, tap.Before) {
		name := step.Name(queue)
		l.NoError(s.declare(name, kind), lab.Claim{Want: "nil: nothing stands in its way", Read: about})
		l.Publish(name, steps(1, n)...)
		var mu sync.Mutex // guards what follows
		var begun, done []string
		var early string
		handle := func(_ context.Context, d amqp.Delivery) error {
			mu.Lock()
			defer mu.Unlock()
			l.Note("%s begins", d.Body)
			begun = append(begun, string(d.Body))
			for _, before := range steps(1, n) {
				if before == string(d.Body) {
					break
				}
				if !slices.Contains(done, before) {
					early = fmt.Sprintf("%s began before %s was done", d.Body, before)
				}
			}
			done = append(done, string(d.Body))
			return nil
		}
		conns := []*amqp.Connection{l.Dial(), l.Dial()}
		step.Begin()

		var calls []*lab.Call
		for _, conn := range conns {
			calls = append(calls, l.Go("Run", func(ctx context.Context) error { return single.Run(ctx, conn, name, handle) }))
		}
		all := func() bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Contains(done, steps(n, n)[0])
		}
		there := l.Soon(func() bool { return all() || !calls[0].Running() && !calls[1].Running() }) && all()
		for _, call := range calls {
			l.Finished(call.Stopped())
		}
		step.End()

		mu.Lock()
		story, out := fmt.Sprintf("%s: begun were %v", step, begun), early
		mu.Unlock()
		l.Check(out == "", lab.Claim{
			Saw:  fmt.Sprintf("%s; %s", story, out),
			Want: "what a crash repeats is repeated in its order: step-1, step-2, step-1, step-2, step-3 is fine",
			Why:  "the card is charged for goods that nobody has reserved",
			Wire: step.Wire(),
			Read: about,
		})
		l.Check(there, lab.Claim{
			Saw:  story + ", and nobody goes on",
			Want: "the other process takes over",
			Why:  "a saga stands still",
			Wire: step.Wire(),
			Read: about,
		})
	}
}
