package lab

import (
	"fmt"
	"slices"

	"warren.example/workshop/todo"
)

// look ends the test if a call found the work not done, or panicked. It is the first look of every claim.
func (l *Lab) look() {
	l.t.Helper()
	if l.report() {
		l.t.FailNow()
	}
}

// report prints the first call that is in trouble and marks the test as failed. It returns false if there is none.
func (l *Lab) report() bool {
	for _, c := range l.allCalls() {
		if c.Running() || !c.inTrouble() {
			continue
		}
		l.t.Fail()
		if exercise, unfinished := todo.Exercise(c.err); unfinished {
			l.write(notDone(".", exercise) + "\n")
			return true
		}
		l.print(Claim{
			Saw:  c.crash,
			Want: c.name + " returns an error when something is wrong, and never panics",
			Why:  "a panic ends the whole process: all that it was working on stops with it",
		})
		return true
	}
	return false
}

// allCalls returns the calls so far, the first first.
func (l *Lab) allCalls() []*Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.calls)
}

// hang fails the test for a call that is over its deadline, and then frees what can be freed.
func (c *Call) hang(claim Claim) {
	l := c.lab
	l.t.Helper()
	if claim.Saw == "" {
		claim.Saw = fmt.Sprintf("%s has not returned within %s%s", c.name, l.Patience(defaultDeadline), c.standing())
	}
	if claim.Want == "" {
		claim.Want = c.name + " returns"
	}
	if claim.Why == "" {
		claim.Why = "whoever called it waits for ever, and nobody is told"
	}
	l.look()
	l.print(claim)
	c.cancel()
	l.Tap.Refuse(true)
	l.t.FailNow()
}
