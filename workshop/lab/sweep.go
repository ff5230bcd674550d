package lab

import (
	"fmt"
	"iter"

	"warren.example/workshop/tap"
)

// maxSteps ends a sweep that has no end, as with work that is done again for ever.
const maxSteps = 300

// Sweep cuts the connection at the first unit that at means, then at the second, and so on, until a run is over in which
// nothing was left to cut. When says on which side of the unit: tap.Before, and it never arrives, or tap.After.
// Heartbeats don't count. The units of all connections through the tap do, from Step.Begin on.
//
//	for step := range l.Sweep(tap.Filter{From: tap.Client}, tap.Before) {
//		queue := step.Name("orders")
//		l.Declare(queue, nil)
//		… what comes before the story, not cut …
//		step.Begin()
//		… the learner's functions run, and have returned …
//		l.Check(l.Depth(queue) == 3, lab.Claim{Saw: step.String() + ": order-3 is not in the queue", …})
//	}
//
// All steps have the same Lab: what one leaves behind is there in the next, so take names from Step.Name. A claim that
// fails ends the test, and with it the sweep: keep the messages few, and the first failure is the simplest. The test
// fails if a step does not begin, or if there is no end to the units.
func (l *Lab) Sweep(at tap.Filter, when tap.When) iter.Seq[*Step] {
	l.t.Helper()
	return l.sweep(at, when, maxSteps)
}

func (l *Lab) sweep(at tap.Filter, when tap.When, limit int) iter.Seq[*Step] {
	return func(yield func(*Step) bool) {
		l.t.Helper()
		for n := 1; n <= limit; n++ {
			s := &Step{N: n, lab: l, fault: tap.Cut{On: tap.Trigger{Filter: at, Nth: n}, When: when}}
			more := yield(s)
			if s.rule == nil {
				if !more {
					return
				}
				l.Failf("step %d of the sweep is over and Step.Begin was not called", n)
			}
			s.rule.Remove()
			if !more || s.rule.Struck() == 0 {
				return
			}
		}
		l.Failf("the sweep has no end: there was something to cut %d times", limit)
	}
}

// A Step is one run of a sweep: one cut, or none in the last.
type Step struct {
	// N is the number of the unit at which the connection is cut, from 1.
	N int

	lab   *Lab
	fault tap.Cut
	begun int // Seq of the note with which it began
	rule  *tap.Rule
}

// Name returns a name for something of this step's own: "orders-7".
func (s *Step) Name(thing string) string { return fmt.Sprintf("%s-%d", thing, s.N) }

// Begin counts units from now on. It is called once in a step.
func (s *Step) Begin() {
	s.lab.t.Helper()
	if s.rule != nil {
		s.lab.Failf("step %d of the sweep began twice", s.N)
	}
	s.begun = s.lab.Note("step %d: %s", s.N, s.fault).Seq
	s.rule = s.lab.Tap.Add(s.fault)
}

// End says that the story is over: what the test does from now on is not cut. Without it the last step, which has found
// nothing to cut yet, cuts what comes after the story. Safe to call twice; the next step ends this one anyway.
func (s *Step) End() {
	s.lab.t.Helper()
	if s.rule == nil {
		s.lab.Failf("step %d of the sweep ends and has not begun", s.N)
	}
	s.rule.Remove()
}

// Struck tells whether the connection has been cut.
func (s *Step) Struck() bool { return s.rule != nil && s.rule.Struck() > 0 }

// Wire returns what went over the wire since Begin, for Claim.Wire.
func (s *Step) Wire() string { return s.lab.Wire(s.events()...) }

// String says where the connection was cut: "cut before the 7th unit from you (basic.publish order-3)", or that it wasn't:
// "no cut".
func (s *Step) String() string {
	if !s.Struck() {
		return "no cut"
	}
	for _, e := range s.events() {
		if e.Fault == s.fault.String() {
			return fmt.Sprintf("%s (%s)", s.fault, unitName(e))
		}
	}
	return s.fault.String()
}

// events returns what was recorded since Begin.
func (s *Step) events() []tap.Event {
	return s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		return e.Seq > s.begun && e.Method != nil
	}})
}

// unitName names a unit by its method and its body, if that is short.
func unitName(e tap.Event) string {
	const short = 40
	if e.Header != nil && len(e.Body) > 0 && len(e.Body) <= short {
		return fmt.Sprintf("%s %s", e.Name(), e.Body)
	}
	return e.Gist()
}
