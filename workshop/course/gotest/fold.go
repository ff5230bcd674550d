package gotest

import (
	"regexp"
	"slices"
	"strings"
)

// textLimit bounds what is kept of one test's and of the package's output, in bytes.
const textLimit = 64 << 10

// racyTest is what package testing says of a test during which the race detector found something.
const racyTest = "race detected during execution of test"

// A Fold turns the events of one package into the outcomes of its tests. Its zero value is ready to use.
type Fold struct {
	// Keep also keeps what tests say that pass.
	Keep bool

	tests   map[string]*record
	order   []string
	outside text // output that belongs to no test
	crash   text // from a panic on, whoever it was attributed to
	races   text // reports of the race detector, likewise
	inRace  bool // a report is being read

	verdict string   // "PASS" or "FAIL", the last line of testing.M.Run; "" when it never got there
	expired bool     // the test binary's own time-out struck
	running []string // the tests that ran when it did
	inList  bool     // the lines that name them are being read
}

// A record is what is known of one top-level test.
type record struct {
	last     *try // of the present or last run
	good     *try // the first run that passed
	bad      *try // the first run that failed
	skip     *try // the first run that was skipped
	ends     int  // runs that ended
	failures int  // how many of them failed
	skips    int  // how many of them were skipped
	seconds  float64
}

// A try is one run of a top-level test: its own output and that of its subtests.
type try struct {
	parts  map[string]*text
	order  []string
	failed map[string]bool // subtests
	over   bool
}

// A text is output with a limit.
type text struct {
	b   strings.Builder
	cut bool
}

func (t *text) add(s string) {
	if t.cut {
		return
	}
	if t.b.Len()+len(s) > textLimit {
		t.cut = true
		s = "… (cut)\n"
	}
	t.b.WriteString(s)
}

var (
	// framing is what package testing prints about tests: no output of theirs.
	framing     = regexp.MustCompile(`^(=== (RUN|PAUSE|CONT|NAME) |\s*--- (PASS|FAIL|SKIP): )`)
	crashLine   = regexp.MustCompile(`^(panic: |fatal error: )`)
	raceStart   = regexp.MustCompile(`^WARNING: DATA RACE`)
	raceEnd     = regexp.MustCompile(`^={18}`)
	expiredLine = regexp.MustCompile(`^panic: test timed out after `)
	runningTest = regexp.MustCompile(`^\s+(\S+) \([^)]*\)$`)
)

// Add takes the next event.
func (f *Fold) Add(e Event) {
	switch e.Action {
	case "run":
		f.begin(e.Test)
	case "output":
		f.output(e)
	case "pass", "fail", "skip":
		f.end(e)
	}
}

func (f *Fold) begin(name string) {
	top, sub, _ := strings.Cut(name, "/")
	if sub != "" {
		return
	}
	if f.tests == nil {
		f.tests = map[string]*record{}
	}
	r := f.tests[top]
	if r == nil {
		r = &record{}
		f.tests[top] = r
		f.order = append(f.order, top)
	}
	r.last = &try{parts: map[string]*text{}, failed: map[string]bool{}}
}

func (f *Fold) output(e Event) {
	f.watch(e.Output)
	if framing.MatchString(e.Output) {
		return
	}
	top, _, _ := strings.Cut(e.Test, "/")
	r := f.tests[top]
	if r == nil {
		f.packageOutput(e.Output)
		return
	}
	part := r.last.parts[e.Test]
	if part == nil {
		part = &text{}
		r.last.parts[e.Test] = part
		r.last.order = append(r.last.order, e.Test)
	}
	part.add(e.Output)
}

func (f *Fold) packageOutput(line string) {
	switch word := strings.TrimSpace(line); {
	case word == "PASS" || word == "FAIL":
		f.verdict = word
	case strings.HasPrefix(line, "ok  \t"), strings.HasPrefix(line, "FAIL\t"), strings.HasPrefix(line, "?   \t"),
		strings.HasPrefix(line, "exit status "):
		// what `go test` itself says of a package
	default:
		f.outside.add(line)
	}
}

// watch looks for what tells how the process ended. Its lines are attributed to whichever test spoke last.
func (f *Fold) watch(line string) {
	if f.inList {
		if m := runningTest.FindStringSubmatch(strings.TrimRight(line, "\r\n")); m != nil {
			top, _, _ := strings.Cut(m[1], "/")
			f.running = append(f.running, top)
		} else {
			f.inList = false
		}
	}
	if expiredLine.MatchString(line) {
		f.expired = true
	}
	if f.expired && strings.TrimSpace(line) == "running tests:" {
		f.inList = true
	}
	if crashLine.MatchString(line) || f.crash.b.Len() > 0 {
		f.crash.add(line)
	}
	f.inRace = raceStart.MatchString(line) || f.inRace && !raceEnd.MatchString(line)
	if f.inRace {
		f.races.add(line)
	}
}

func (f *Fold) end(e Event) {
	if e.Test == "" {
		return
	}
	top, sub, _ := strings.Cut(e.Test, "/")
	r := f.tests[top]
	if r == nil {
		return
	}
	if sub != "" {
		r.last.failed[e.Test] = e.Action == "fail"
		return
	}
	r.last.over = true
	r.ends++
	r.seconds += e.Elapsed
	switch e.Action {
	case "pass":
		if r.good == nil {
			r.good = r.last
		}
	case "fail":
		r.failures++
		if r.bad == nil {
			r.bad = r.last
		}
	case "skip":
		r.skips++
		if r.skip == nil {
			r.skip = r.last
		}
	}
}

// Tests returns the outcomes of the tests, in the order in which they began.
func (f *Fold) Tests() []Test {
	tests := make([]Test, 0, len(f.order))
	for _, name := range f.order {
		tests = append(tests, f.test(name))
	}
	return tests
}

// Output returns what belongs to no test.
func (f *Fold) Output() string { return strings.TrimRight(f.outside.b.String(), "\n") }

// test returns the outcome of a test that began.
func (f *Fold) test(name string) Test {
	r := f.tests[name]
	t := Test{Name: name, Runs: r.ends, Failed: r.failures, Seconds: r.seconds}
	switch {
	case r.failures > 0:
		t.Outcome = Fail
		t.Text = r.bad.text(name)
		if strings.Contains(t.Text, racyTest) && !strings.Contains(t.Text, "DATA RACE") {
			t.Text = joinLines(t.Text, f.races.b.String()) // it was attributed to another, or to none
		}
		t.NotDone, t.Place = notDone(t.Text)
		t.Claim = parseClaim(t.Text)
	case !r.last.over:
		t.Outcome = Missing
		t.Text = r.last.text(name)
	case r.skips == r.ends:
		t.Outcome = Skip
		t.Text = r.skip.text(name)
		t.Needs = needs(t.Text)
	default:
		t.Outcome = Pass
		if f.Keep {
			t.Text = r.good.text(name)
		}
	}
	return t
}

// text returns what the test said in this run: its own output, then that of its subtests that failed, under their names.
func (y *try) text(name string) string {
	var b strings.Builder
	if own := y.parts[name]; own != nil {
		b.WriteString(dedent(own.b.String()))
	}
	for _, part := range y.order {
		if part == name || !y.failed[part] {
			continue
		}
		b.WriteString(strings.TrimPrefix(part, name+"/") + ":\n" + dedent(y.parts[part].b.String()))
	}
	for sub, failed := range y.failed {
		if failed && !slices.Contains(y.order, sub) {
			b.WriteString(strings.TrimPrefix(sub, name+"/") + ": failed without a word\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}
