package course

import "warren.example/workshop/course/gotest"

// A Verdict is what the tests of one exercise said about one variant. Its JSON form is stable: fields are added, never
// renamed.
type Verdict struct {
	Exercise string        `json:"exercise"`         // "01/1"
	Kind     Kind          `json:"kind"`             // "learner", "skeleton", "solution", "mistake"
	Mistake  string        `json:"mistake"`          // name of the mistake, else ""
	File     string        `json:"file"`             // the judged file below the root, with slashes
	Content  string        `json:"content"`          // hash of the judged file and its tests; "" when they changed meanwhile
	Hash     string        `json:"hash,omitempty"`   // what Verify keeps it under: of all it depends on but the broker
	Broker   string        `json:"broker"`           // the broker it was reached on, "" when none was named
	Version  string        `json:"version"`          // the broker's version
	Race     bool          `json:"race"`             // with the race detector
	Count    int           `json:"count"`            // how often each test ran
	Built    bool          `json:"built"`            // the package and its tests compile
	Vetted   bool          `json:"vetted"`           // go vet has no objection
	Passed   bool          `json:"passed"`           // built, vetted, ended normally, at least one test passed, none failed
	End      gotest.End    `json:"end"`              // how it ended: "ended", "build failed", "vet failed", "timed out" …
	Output   string        `json:"output,omitempty"` // what go said when it didn't build or vet, or what belongs to no test
	Tests    []gotest.Test `json:"tests"`            // in the order of the test files
	Seconds  float64       `json:"seconds"`          // compiling and running
	Kept     bool          `json:"kept"`             // taken from an earlier run with the same hash and broker
}

// Test returns the outcome of the named test, and whether there is one.
func (v Verdict) Test(name string) (gotest.Test, bool) {
	for _, t := range v.Tests {
		if t.Name == name {
			return t, true
		}
	}
	return gotest.Test{}, false
}

// Tally returns how many tests have the outcome.
func (v Verdict) Tally(o gotest.Outcome) int {
	n := 0
	for _, t := range v.Tests {
		if t.Outcome == o {
			n++
		}
	}
	return n
}

// Untouched reports whether no test got further than "not done yet": the learner has not begun.
func (v Verdict) Untouched() bool {
	for _, t := range v.Tests {
		if !t.NotDone {
			return false
		}
	}
	return len(v.Tests) > 0
}
