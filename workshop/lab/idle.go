package lab

import (
	"slices"
	"strings"
	"time"
)

// settleLimit is how long Settle waits for functions that never come to rest: they sleep, or spin.
const settleLimit = time.Second

// Settle returns when all functions of the learner's are idle, and what they left running when they returned, at the latest
// after a second (times WORKSHOP_PATIENCE). It is for what no event says: that a function has come to its next wait, or that
// whoever was going to act at once has done so.
func (l *Lab) Settle() {
	l.t.Helper()
	l.poll(l.Patience(settleLimit), func() bool {
		for _, c := range l.allCalls() {
			if c.Running() && !c.begun.Load() { // its goroutine has no labels yet
				return false
			}
		}
		rest, _ := atRest(labLabel, l.id) // all calls at once: each look takes the stacks of the whole process
		return rest
	})
}

// Idle tells whether the function has nothing to do: it has returned or it waits, and all goroutines that it started wait or
// have ended. (amqp091-go closes a lost connection on a goroutine of its own, which may outlive the function.) To wait is to
// stand at a Go channel, in a select, in a read of the network, or for the end of other goroutines. Who sleeps or waits for
// a lock is about to go on, and is not idle.
func (c *Call) Idle() bool {
	running := c.Running() // asked first: one that returns meanwhile counts as running without a goroutine, and is asked again
	rest, some := atRest(callLabel, c.label())
	return rest && (some || !running)
}

// atRest tells whether all goroutines that carry a label wait, and whether there are any.
func atRest(label, value string) (rest, some bool) {
	// Labels and states are in different forms of the profile, taken one after the other. Before and after: a goroutine that
	// was woken in between is seen on one side.
	before := waiting()
	all := goroutines(label, value)
	after := waiting()
	return !slices.ContainsFunc(all, func(g goroutine) bool {
		stack := key(g.frames)
		return !before[stack] || !after[stack]
	}), len(all) > 0
}

// waiting tells of each stack, by its key, whether all goroutines that stand there wait. One that has been woken and has not
// run yet has the stack of one that waits; its state tells.
func waiting() map[string]bool {
	waits := make(map[string]bool)
	for _, g := range traces() {
		stack := key(g.frames)
		others, known := waits[stack]
		waits[stack] = isWait(g.state) && (others || !known)
	}
	return waits
}

// isWait tells whether the state of a goroutine is one of waiting: "chan receive", or "select, 2 minutes".
func isWait(state string) bool {
	state, _, _ = strings.Cut(state, ",")
	switch state, _, _ = strings.Cut(state, " ("); state {
	case "chan receive", "chan send", "select", "IO wait", "sync.WaitGroup.Wait", "sync.Cond.Wait":
		return true
	}
	return false
}
