package lab

import (
	"slices"
	"strings"
	"time"
)

// settleLimit is how long Settle waits for functions that never come to rest: they sleep, or spin.
const settleLimit = time.Second

// Settle returns when all functions of the learner's are idle, at the latest after a second (times WORKSHOP_PATIENCE). It is
// for what no event says: that a function has come to its next wait, or that whoever was going to act at once has done so.
func (l *Lab) Settle() {
	l.t.Helper()
	l.poll(l.Patience(settleLimit), func() bool {
		return !slices.ContainsFunc(l.allCalls(), func(c *Call) bool { return !c.Idle() })
	})
}

// Idle tells whether the function has nothing to do: it has returned, or it waits, and so do all goroutines that it
// started. To wait is to stand at a Go channel, in a select, in a read of the network, or for the end of other goroutines.
// Who sleeps or waits for a lock is about to go on, and is not idle.
func (c *Call) Idle() bool {
	if !c.Running() {
		return true
	}
	// Labels and states are in different forms of the profile, taken one after the other. Before and after: a goroutine that
	// was woken in between is seen on one side.
	before := waiting()
	all := goroutines(callLabel, c.label())
	after := waiting()
	return len(all) > 0 && !slices.ContainsFunc(all, func(g goroutine) bool {
		stack := key(g.frames)
		return !before[stack] || !after[stack]
	})
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
