package gotest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// howItEnded tells the ends of a test process apart. Exit codes alone don't: a failed test, os.Exit(1) in a test and a
// TestMain that finds a leak all give 1.
func (f *Fold) howItEnded(exit int) End {
	switch {
	case f.expired:
		return TimedOut
	case f.verdict == "":
		return Panicked
	case f.verdict == "PASS" && exit != 0:
		return Outside
	case f.verdict == "FAIL" && !f.anyFailure():
		return Outside
	}
	return Ended
}

func (f *Fold) anyFailure() bool {
	for _, r := range f.tests {
		if r.failures > 0 {
			return true
		}
	}
	return false
}

// lastWords returns what a process said that failed by itself: a crash, wherever it was attributed to, or else what
// belongs to no test.
func (f *Fold) lastWords(exit int) string {
	if crash := strings.TrimRight(f.crash.b.String(), "\n"); crash != "" {
		return crash
	}
	if races := f.races.b.String(); races != "" {
		return joinLines(f.Output(), races)
	}
	if f.verdict == "" {
		return joinLines(f.Output(), fmt.Sprintf("the test process ended with code %d before its tests had: os.Exit or log.Fatal?", exit))
	}
	return joinLines(f.Output(), fmt.Sprintf("the test process ended with code %d", exit))
}

// complete returns the outcomes of all wanted tests, in their order: those that never ran are missing, those that ran
// when the time was up hang.
func (f *Fold) complete(wanted []string) []Test {
	tests := make([]Test, 0, len(wanted))
	for _, name := range wanted {
		t := Test{Name: name, Outcome: Missing}
		if f.tests[name] != nil {
			t = f.test(name)
		}
		if slices.Contains(f.running, name) {
			t.Outcome = Hang
		}
		tests = append(tests, t)
	}
	return tests
}

// converter returns the command that turns a test binary's output into events. `go tool test2json` finds and, since Go
// 1.25, builds the real one each time, 50 ms; so its place is asked for once.
func converter(ctx context.Context) (name string, args []string) {
	if file := findConverter(ctx); file != "" {
		return file, nil
	}
	return "go", []string{"tool", "test2json"}
}

var place struct {
	mu   sync.Mutex // guards file
	file string     // of test2json; "" when not known yet
}

func findConverter(ctx context.Context) string {
	place.mu.Lock()
	defer place.mu.Unlock()
	if place.file != "" {
		return place.file
	}
	said, err := goCommand(ctx, "", nil, "tool", "-n", "test2json")
	if err != nil {
		return ""
	}
	file := strings.TrimSpace(said)
	if info, err := os.Stat(file); err != nil || info.IsDir() { // not built yet, or a path that is quoted
		return ""
	}
	place.file = file
	return file
}

// Write implements io.Writer: what is over the limit is dropped.
func (t *text) Write(p []byte) (int, error) {
	t.add(string(p))
	return len(p), nil
}

// lookup returns the value of a variable in an environment; the last one counts.
func lookup(env []string, name string) string {
	value := ""
	for _, entry := range env {
		if v, found := strings.CutPrefix(entry, name+"="); found {
			value = v
		}
	}
	return value
}

func joinLines(parts ...string) string {
	var kept []string
	for _, part := range parts {
		if part = strings.TrimRight(part, "\n"); part != "" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "\n")
}
