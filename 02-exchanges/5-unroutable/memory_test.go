package unroutable_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/todo"
)

// Few calls at a time, so that what holds those that wait never grows; many in all, so that what holds those that have been
// does.
const (
	atOnce = 6 // every second one unroutable
	rounds = 10
)

func TestCallThatHasReturnedKeepsNoMemory(t *testing.T) {
	s := shopAlone(t) // other tests' calls keep memory too

	s.keepsNothing("have returned", func() {
		s.lab.NoError(s.some().Wait(), lab.Claim{})
	})
}

func TestCallThatWasGivenUpKeepsNoMemory(t *testing.T) {
	s := shopAlone(t)
	sent := 0

	s.keepsNothing("were given up, and answered afterwards", func() {
		acks := s.lab.Tap.Add(tap.HoldConfirm{On: publishing(0)})
		returned := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: returning}})
		calls := s.some()
		sent += atOnce
		s.mustSend(sent)
		s.lab.Await("RabbitMQ to answer all of them", func() bool { return acks.Struck() >= atOnce })
		s.lab.NoError(calls.Stopped(), lab.Claim{})
		returned.Remove()
		acks.Remove()
		s.lab.Fence(s.conn) // RabbitMQ's answers have come
	})
}

// some makes a few calls at once. What became of them is forgotten: an error would be kept too.
func (s *stage) some() *lab.Call {
	return s.lab.Go("Publish", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx) // lab keeps its own, and with it what was allocated for it
		defer cancel()
		var callers sync.WaitGroup
		var unfinished atomic.Pointer[error]
		for i := range atOnce {
			callers.Go(func() {
				err := s.publisher.Publish(ctx, exchange, []string{key, typo}[i%2], amqp.Publishing{})
				if _, is := todo.Exercise(err); is {
					unfinished.Store(&err)
				}
			})
		}
		callers.Wait()
		if err := unfinished.Load(); err != nil {
			return *err
		}
		return nil
	})
}

// keepsNothing claims that calls leave nothing behind in memory. became says what became of them.
func (s *stage) keepsNothing(became string, round func()) {
	// For these tests alone: it costs the others too much. What was allocated before is not in the profile, and nobody asks
	// for it.
	rate := runtime.MemProfileRate
	runtime.MemProfileRate = 1
	defer func() { runtime.MemProfileRate = rate }()
	round() // the first time, maps and buffers grow
	before := held()

	for range rounds {
		round()
	}

	const calls = rounds * atOnce
	kept := held() - before
	s.lab.Check(kept < 8*calls, lab.Claim{
		Saw:  fmt.Sprintf("%d calls %s, and %d bytes that they allocated are still held", calls, became, kept),
		Want: "nothing is kept of a call that has returned",
		Why:  "a publisher lives for months: its process grows until it is killed, at the busiest hour",
		Wire: "no message shows it: this was counted in the heap profile",
		Read: read,
	})
}

// held returns how many bytes that the learner's functions allocated are in use.
func held() (bytes int64) {
	for range 3 { // the profile shows what was in use at the last but one collection
		runtime.GC()
	}
	records := make([]runtime.MemProfileRecord, 1000)
	for {
		n, ok := runtime.MemProfile(records, false)
		if ok {
			records = records[:n]
			break
		}
		records = make([]runtime.MemProfileRecord, 2*n)
	}
	for _, r := range records {
		if isLearners(r.Stack()) {
			bytes += r.InUseBytes()
		}
	}
	return bytes
}

// isLearners tells whether a function of the exercise's package is in the stack. What the runtime allocates to let a
// goroutine wait is left out: it keeps that for the next one.
func isLearners(stack []uintptr) (is bool) {
	frames := runtime.CallersFrames(stack)
	for {
		frame, more := frames.Next()
		if frame.Function == "runtime.acquireSudog" {
			return false
		}
		is = is || strings.Contains(frame.Function, "/5-unroutable.")
		if !more {
			return is
		}
	}
}
