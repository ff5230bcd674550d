package course

import (
	"fmt"
	"path"
	"strings"

	"warren.example/workshop/course/gotest"
)

// A Status is how a row of the table ended.
type Status string

// The statuses.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// A finding is what the course's rules say of one verdict.
type finding struct {
	wrong []string // what must be mended, one sentence each
	skips []string // what was not judged, and what it needed
	seen  int      // tests that ended as they must
}

func (f *finding) bad(format string, args ...any) {
	f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
}

func (f *finding) skipped(t gotest.Test) {
	f.skips = append(f.skips, fmt.Sprintf("%s: %s", t.Name, t.Needs))
}

// status returns the finding's place in the table: what is wrong counts, then what was seen.
func (f finding) status() Status {
	switch {
	case len(f.wrong) > 0:
		return Failed
	case f.seen == 0 && len(f.skips) > 0:
		return Skipped
	}
	return Passed
}

// judgeSkeleton demands that every test fails with "not done yet": a learner who begins must see where to begin, and a
// test that is green before any work judges nothing.
func judgeSkeleton(v Verdict) (f finding) {
	if f.unusable(v, false) {
		return f
	}
	for _, t := range v.Tests {
		switch {
		case t.Outcome == gotest.Skip:
			f.skipped(t)
		case t.Outcome == gotest.Pass:
			f.bad("%s is green without any work: its claims must look at the error first", t.Name)
		case t.Outcome != gotest.Fail:
			f.bad("%s: %s", t.Name, unfinished(t))
		case !t.NotDone:
			f.bad(`%s fails, but not with "not done yet": %s`, t.Name, brief(t))
		default:
			f.seen++
		}
	}
	return f
}

// judgeSolution demands that every test passes, every time.
func judgeSolution(v Verdict) (f finding) {
	if f.unusable(v, false) {
		return f
	}
	for _, t := range v.Tests {
		switch {
		case t.Outcome == gotest.Skip:
			f.skipped(t)
		case t.Outcome == gotest.Fail && t.Failed < t.Runs:
			f.bad("%s failed in %d of %d runs: %s", t.Name, t.Failed, t.Runs, brief(t))
		case t.Outcome == gotest.Fail:
			f.bad("%s fails: %s", t.Name, brief(t))
		case t.Outcome != gotest.Pass:
			f.bad("%s: %s", t.Name, unfinished(t))
		case t.Runs < v.Count:
			f.bad("%s ran %d times instead of %d", t.Name, t.Runs, v.Count)
		default:
			f.seen++
		}
	}
	return f
}

// judgeMistake demands that the named tests reject the mistake with the wanted text, every time. A panic is a catch only
// when the text asks for it.
func judgeMistake(v Verdict, w Wants) (f finding) {
	if f.unusable(v, true) {
		return f
	}
	for _, want := range w.Claims {
		t, exists := v.Test(want.Test)
		wantsPanic := strings.HasPrefix(want.Text, "panic:")
		switch {
		case !exists:
			f.bad("%s did not run: there is no such test", want.Test)
		case t.Outcome == gotest.Skip:
			f.skipped(t)
		case t.Outcome == gotest.Pass:
			f.bad("%s passes: the mistake is not seen", want.Test)
		case t.Outcome == gotest.Panic && !wantsPanic:
			f.bad("%s: %s", want.Test, unfinished(t))
		case t.Outcome == gotest.Panic && !strings.Contains(t.Text, want.Text), t.Outcome == gotest.Fail && !strings.Contains(t.Text, want.Text):
			f.bad("%s rejects it, but without the text %q: %s", want.Test, want.Text, brief(t))
		case t.Outcome == gotest.Panic:
			f.seen++
		case t.Outcome != gotest.Fail:
			f.bad("%s: %s", want.Test, unfinished(t))
		case t.Failed < t.Runs:
			f.bad("%s saw the mistake in %d of %d runs only", want.Test, t.Failed, t.Runs)
		default:
			f.seen++
		}
	}
	return f
}

// unusable reports whether the run ended in a way that no variant of the course may end. panics says that single tests
// may still be asked about a panic.
func (f *finding) unusable(v Verdict, panics bool) bool {
	switch v.End {
	case gotest.BuildFailed:
		f.bad("does not build: %s", firstLines(v.Output, 4))
	case gotest.VetFailed:
		f.bad("go vet objects: %s", firstLines(v.Output, 4))
	case gotest.NoTests:
		f.bad("no test ran")
	case gotest.TimedOut:
		f.bad("the time was up: %s", timedOut(v))
	case gotest.Outside:
		f.bad("its tests ended, then the process failed: %s", firstLines(v.Output, 4))
	case gotest.Panicked:
		blamed := false
		for _, t := range v.Tests {
			if t.Outcome == gotest.Panic {
				blamed = true
				if !panics {
					f.bad("%s: %s", t.Name, unfinished(t))
				}
			}
		}
		if !blamed {
			f.bad("the test process panicked: %s", firstLines(v.Output, 4))
		}
		if v.Kind != Learner && (!blamed || !panics) {
			f.bad("traces name the exercise's %s, but their line numbers are those of %s", path.Base(v.File), v.File)
		}
		return !blamed || !panics
	case gotest.Ended:
		if len(v.Tests) > 0 {
			return false
		}
		f.bad("no test ran")
	default:
		f.bad("ended strangely: %q", v.End)
	}
	return true
}

func timedOut(v Verdict) string {
	var hang, missing []string
	for _, t := range v.Tests {
		switch t.Outcome {
		case gotest.Hang:
			hang = append(hang, t.Name)
		case gotest.Missing:
			missing = append(missing, t.Name)
		}
	}
	words := "nothing of the learner's may wait without an end"
	if len(hang) > 0 {
		words = strings.Join(hang, ", ") + " hung"
	}
	if len(missing) > 0 {
		words += "; never ran: " + strings.Join(missing, ", ")
	}
	return words
}

// unfinished says how a test ended that neither passed, failed nor was skipped.
func unfinished(t gotest.Test) string {
	switch t.Outcome {
	case gotest.Panic:
		return "panics: " + panicLine(t.Text)
	case gotest.Hang:
		return "hangs"
	case gotest.Missing:
		return "never ran to its end"
	}
	return string(t.Outcome)
}

func panicLine(text string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return strings.TrimSpace(line)
		}
	}
	return firstLines(text, 2)
}

// brief returns what a failed test saw, in a line or two.
func brief(t gotest.Test) string {
	if t.Claim != nil {
		return "saw " + firstLines(t.Claim.Saw, 2)
	}
	if strings.TrimSpace(t.Text) == "" {
		return "it failed without a word"
	}
	if strings.Contains(t.Text, "DATA RACE") {
		return firstLines(t.Text, 16) // two stacks
	}
	return firstLines(t.Text, 3)
}

func firstLines(text string, n int) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(lines) == n {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, " · ")
}
