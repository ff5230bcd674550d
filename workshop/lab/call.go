package lab

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/pprof"
	"sync/atomic"
	"time"

	"warren.example/workshop/todo"
)

// A Call is a function of the learner's that runs in a goroutine of its own.
//
//	test ── Go ──► goroutine, labelled with lab and name ──► fn(ctx)
//	                 its own goroutines inherit the labels
//	     ◄─ Wait ──  result, panic, or a hang after the deadline
type Call struct {
	lab    *Lab
	name   string
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed when fn has returned
	begun  atomic.Bool   // its goroutine runs, and has its labels

	// Set before done is closed.
	err    error
	crash  string // how fn ended when it did not return: a panic with its place
	exited bool   // fn ended its goroutine, as t.FailNow in a handler does
}

// errEnded is what Wait returns for a function that ended its goroutine instead of returning.
var errEnded = errors.New("the function ended its goroutine instead of returning")

// Do runs a function of the learner's and returns its error. It ends the test if the work is not done, if fn panics,
// or if fn has not returned when the deadline is over; then its ctx is cancelled and its connections are cut. The ctx
// also ends when fn has returned. Name is what failures call it: "Send".
func (l *Lab) Do(name string, fn func(ctx context.Context) error) error {
	l.t.Helper()
	return l.Go(name, fn).Wait()
}

// Go starts a function of the learner's that runs until it is stopped, such as a consumer.
func (l *Lab) Go(name string, fn func(ctx context.Context) error) *Call {
	l.t.Helper()
	l.look()
	ctx, cancel := context.WithCancel(context.Background())
	c := &Call{lab: l, name: name, ctx: ctx, cancel: cancel, done: make(chan struct{})}
	l.mu.Lock()
	l.calls = append(l.calls, c)
	l.mu.Unlock()
	labels := pprof.Labels(labLabel, l.id, callLabel, c.label())
	go pprof.Do(ctx, labels, func(ctx context.Context) { c.run(ctx, fn) })
	return c
}

// Stop cancels the function's ctx. It doesn't wait.
func (c *Call) Stop() { c.cancel() }

// Stopped stops the function and returns what it returned, with Wait's deadline.
func (c *Call) Stopped() error {
	c.lab.t.Helper()
	c.Stop()
	return c.Wait()
}

// Done is closed when the function has returned.
func (c *Call) Done() <-chan struct{} { return c.done }

// Running tells whether the function has not returned yet.
func (c *Call) Running() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// Wait waits for the function and returns its error. It ends the test as Do does.
func (c *Call) Wait() error {
	c.lab.t.Helper()
	return c.WaitOr(Claim{})
}

// WaitOr is Wait with a claim of the test's own for the case that the function hangs. Empty labels are filled: Saw
// with where the function stands.
func (c *Call) WaitOr(hang Claim) error {
	l := c.lab
	l.t.Helper()
	deadline := time.NewTimer(l.Patience(defaultDeadline))
	defer deadline.Stop()
	select {
	case <-c.done:
	case <-l.troubled: // perhaps by another call
		l.look()
	case <-deadline.C:
		c.hang(hang)
	}
	l.look()
	if c.exited && l.t.Failed() {
		l.t.FailNow()
	}
	return c.err
}

// inTrouble tells whether a function that has ended did so in a way that ends the test.
func (c *Call) inTrouble() bool {
	_, unfinished := todo.Exercise(c.err)
	return unfinished || c.crash != ""
}

func (c *Call) run(ctx context.Context, fn func(ctx context.Context) error) {
	c.begun.Store(true)
	returned := false
	defer func() {
		if !returned {
			c.ended(recover())
		}
		c.cancel()
		close(c.done)
		if c.inTrouble() {
			c.lab.trouble.Do(func() { close(c.lab.troubled) }) // wakes everything that waits
		}
	}()
	c.err = fn(ctx)
	returned = true
}

// ended notes how a function ended that did not return. It runs above the frames that panicked.
func (c *Call) ended(cause any) {
	if cause == nil { // runtime.Goexit; since Go 1.21 panic(nil) gives a value
		c.exited, c.err = true, errEnded
		return
	}
	pcs := make([]uintptr, 64)
	frames := framesOf(pcs[:runtime.Callers(1, pcs)])
	c.crash = fmt.Sprintf("%s panicked: %v%s", c.name, cause, place(" at ", afterPanic(frames)))
	c.err = errors.New(c.crash)
}
