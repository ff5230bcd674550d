package rpc_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"warren.example/workshop/lab"
	"warren.example/workshop/todo"
)

// The sampling rate is set before anything else of this package allocates, as its documentation asks for.
func init() { runtime.MemProfileRate = 1 }

// It does not run in parallel with the others: their calls keep memory too.
func TestCallThatWasGivenUpKeepsNoMemory(t *testing.T) {
	const n = 50
	s := newStage(t)
	s.connect()
	s.giveUp(n) // the first time, maps and buffers grow
	before := held()

	s.giveUp(n)
	s.giveUp(n)

	kept := held() - before
	s.lab.Check(kept < n, lab.Claim{
		Saw:  fmt.Sprintf("%d calls were given up, and %d objects that they allocated are still held", 2*n, kept),
		Want: "nothing is kept of a call that has returned",
		Why:  "a service that is away for a day fills the memory of all that ask it",
		Wire: "no message shows it: this was counted in the heap profile",
		Read: "01-basics/README.md#rpc",
	})
}

// giveUp makes n calls at once that are not answered, and gives them all up.
func (s *scene) giveUp(n int) {
	calls := make([]*lab.Call, n)
	for i := range calls {
		calls[i] = s.lab.Go("Call", func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx) // lab keeps its own, and with it what was allocated for it
			defer cancel()
			_, err := s.client.Call(ctx, queue, fmt.Appendf(nil, "resume order-%d", i))
			if _, unfinished := todo.Exercise(err); unfinished {
				return err
			}
			return nil // an error would be kept too
		})
	}
	came := s.lab.Soon(func() bool { return s.lab.Depth(queue) == n || !calls[0].Running() }) && s.lab.Depth(queue) == n
	s.lab.Check(came, s.orCancelled(lab.Claim{
		Saw:  fmt.Sprintf("%d calls were made at once, and %d requests were sent", n, s.lab.Depth(queue)),
		Want: "calls wait side by side",
		Read: "01-basics/README.md#rpc",
	}))
	s.lab.DeleteQueue(queue) // nobody will answer them
	s.lab.Declare(queue, nil)
	for _, call := range calls {
		s.lab.NoError(call.Stopped(), lab.Claim{})
	}
}

// held returns how many objects that the learner's functions allocated are in use.
func held() (objects int64) {
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
			objects += r.InUseObjects()
		}
	}
	return objects
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
		is = is || strings.Contains(frame.Function, "/6-rpc.")
		if !more {
			return is
		}
	}
}
