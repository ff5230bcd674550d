// Package gotest runs go's own build, vet and test for one package, with one of its files possibly swapped, and reads what
// the tests report. It knows no course and no broker.
package gotest

// An Outcome is how one test ended.
type Outcome string

// The outcomes.
const (
	Pass    Outcome = "pass"
	Fail    Outcome = "fail"
	Skip    Outcome = "skip"
	Panic   Outcome = "panic"   // run alone, it panicked or ended the process
	Hang    Outcome = "hang"    // it was running when the time was up
	Missing Outcome = "missing" // it exists, but never ran or never ended
)

// An End is how a whole run ended.
type End string

// The ends. Only Ended lets the outcomes of the tests speak for themselves.
const (
	Ended       End = "ended"
	BuildFailed End = "build failed"
	VetFailed   End = "vet failed"
	TimedOut    End = "timed out"
	Panicked    End = "panicked"                 // a panic, os.Exit or log.Fatal ended the test process
	Outside     End = "failed outside its tests" // all tests ended, then the process failed: TestMain, a leak
	NoTests     End = "no tests"                 // the package has no test, or none matched
)

// A Test is one test of a package with its subtests folded in.
type Test struct {
	Name    string  `json:"name"`            // "TestNothingStaysOpen"
	Outcome Outcome `json:"outcome"`         // "pass", "fail", "skip", "panic", "hang", "missing"
	Runs    int     `json:"runs"`            // how often it ran to an end
	Failed  int     `json:"failed"`          // how many of the runs failed
	Text    string  `json:"text,omitempty"`  // what it said the first time it failed or was skipped
	NotDone bool    `json:"notDone"`         // it failed with "not done yet"
	Place   string  `json:"place,omitempty"` // where the unfinished work is: "hello.go:24 TODO(01/1)"
	Needs   string  `json:"needs,omitempty"` // what a skipped test needed, in its own words
	Claim   *Claim  `json:"claim,omitempty"` // the five labels of its failure, when it has them
	Seconds float64 `json:"seconds"`         // of all its runs
}

// A Claim is a failure in the workshop's form: what was seen (it may have several lines), what was wanted, why it matters,
// where it shows on the wire, where to read on.
type Claim struct {
	Saw  string `json:"saw"`
	Want string `json:"want"`
	Why  string `json:"why"`
	Wire string `json:"wire,omitempty"`
	Read string `json:"read,omitempty"`
}

// A Result is what one or more runs of a test binary said.
type Result struct {
	End    End
	Tests  []Test // in the order of the package; those that Options.Run leaves out are not in it
	Output string // what belongs to no test: a panic nobody is to blame for, output of TestMain
}

// Passed reports whether all tests ended, none failed and at least one passed.
func (r Result) Passed() bool {
	passed := false
	for _, t := range r.Tests {
		switch t.Outcome {
		case Pass:
			passed = true
		case Skip:
		default:
			return false
		}
	}
	return passed && r.End == Ended
}
