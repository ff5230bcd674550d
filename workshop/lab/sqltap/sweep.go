package sqltap

import (
	"iter"
	"testing"
)

// maxSteps ends a sweep that has no end.
const maxSteps = 300

// Sweep opens the database as one program after another: the first crashes at its first step, the second at its second, and so
// on, until one is over that had nothing left to crash at. When says on which side of the step.
//
//	for db := range tap.Sweep(t, sqltap.Before) {
//		_, err := Apply(ctx, db.DB, message)
//		… what is in the database now, read through another program …
//	}
//
// A program is closed when its turn is over. Names must be new in each turn, or the tables emptied: all have one database.
func (t *Tap) Sweep(tb testing.TB, when When) iter.Seq[*Program] {
	return func(yield func(*Program) bool) {
		tb.Helper()
		for n := range maxSteps {
			p := t.Open()
			p.CrashAt(n+1, when)
			more := yield(p)
			crashed := p.Crashed()
			_ = p.DB.Close()
			if !more || !crashed {
				return
			}
		}
		tb.Fatalf("the sweep has no end: there was a step to crash at %d times", maxSteps)
	}
}
