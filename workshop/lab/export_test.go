package lab

import (
	"iter"
	"testing"

	"warren.example/workshop/tap"
)

// Hurry makes deadlines less than half of what they are, for stories in which something doesn't come.
func (l *Lab) Hurry() {
	l.patience = 0.4
	l.direct.limit = l.Patience(brokerDeadline)
}

// Insist makes deadlines so long that only what does not wait for them ends.
func (l *Lab) Insist() { l.patience = 1e6 }

// Pretend makes failures of the lab those of another test.
func (l *Lab) Pretend(t testing.TB) { l.t = t }

// SweepUpTo is Sweep with a limit of the test's own.
func (l *Lab) SweepUpTo(at tap.Filter, when tap.When, limit int) iter.Seq[*Step] {
	return l.sweep(at, when, limit)
}
