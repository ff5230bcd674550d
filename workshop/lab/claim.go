package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"warren.example/workshop/tap"
)

// A Claim says what a test found wrong, under the five labels that every failure has.
type Claim struct {
	// Saw is what happened, in the words of the test's story. It may have several lines.
	Saw string
	// Want is what should have happened.
	Want string
	// Why is what goes wrong in production otherwise.
	Why string
	// Wire is the part of the recording that convicts: see Lab.Wire. Empty: the last few events.
	Wire string
	// Read is where it is explained: "01-basics/README.md#ack". Empty: the README of the chapter.
	Read string
}

// String lays the claim out as it is printed: Saw whole, the others in one line each. Empty labels are left out.
func (c Claim) String() string {
	var b strings.Builder
	saw := strings.Split(strings.TrimSpace(c.Saw), "\n")
	for i, line := range saw {
		label := "saw"
		if i > 0 {
			label = ""
		}
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("%-6s%s", label, line), " \r"))
	}
	for _, row := range []struct{ label, text string }{
		{"want", c.Want}, {"why", c.Why}, {"wire", c.Wire}, {"read", c.Read},
	} {
		if text := strings.Join(strings.Fields(row.text), " "); text != "" {
			fmt.Fprintf(&b, "%-6s%s\n", row.label, text)
		}
	}
	return b.String()
}

// Fail ends the test with a claim. Work that is not done, and a panic in the learner's code, are reported instead.
func (l *Lab) Fail(c Claim) {
	l.t.Helper()
	l.look()
	if l.isLate.Load() {
		c.Saw = strings.TrimSpace(c.Saw + "\n" + l.states())
	}
	l.print(c)
	l.t.FailNow()
}

// Check ends the test with the claim unless it holds. Work that is not done ends it in any case, so no test of a
// skeleton is green.
func (l *Lab) Check(holds bool, c Claim) {
	l.t.Helper()
	l.look()
	if !holds {
		l.Fail(c)
	}
}

// NoError ends the test with the claim if err is not nil; an empty Saw is filled with the error. Work that is not done
// is reported as such.
func (l *Lab) NoError(err error, c Claim) {
	l.t.Helper()
	l.Finished(err)
	if err == nil {
		return
	}
	if c.Saw == "" {
		c.Saw = "an error: " + err.Error()
	}
	l.Fail(c)
}

// Error ends the test with the claim if err is nil; an empty Saw is filled. Work that is not done is reported as such.
func (l *Lab) Error(err error, c Claim) {
	l.t.Helper()
	l.Finished(err)
	if err != nil {
		return
	}
	if c.Saw == "" {
		c.Saw = "no error: nil was returned"
	}
	l.Fail(c)
}

// Failf ends the test because its set-up went wrong. It is not for claims about the learner's code.
func (l *Lab) Failf(format string, args ...any) {
	l.t.Helper()
	l.look()
	l.write(fmt.Sprintf(format, args...) + "\n")
	l.t.FailNow()
}

// print writes a claim, its empty Wire and Read filled in, and marks the test as failed.
func (l *Lab) print(c Claim) {
	if c.Wire == "" {
		c.Wire = l.lastEvents()
	}
	if c.Read == "" {
		c.Read = chapterREADME()
	}
	l.write(c.String())
	l.t.Fail()
}

// write prints lines under the test's name, aligned with it, without the file and line that Log adds.
func (l *Lab) write(text string) {
	fmt.Fprint(l.t.Output(), text)
}

// Note puts a line of the test's own into the recording, such as "handler of order-7 runs". Wire shows it as "← …".
func (l *Lab) Note(format string, args ...any) tap.Event {
	return l.Tap.Recording().Note(format, args...)
}

// chapterREADME names the README of the chapter whose exercise is being tested: go test runs in the exercise's folder.
var chapterREADME = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return filepath.Base(filepath.Dir(dir)) + "/README.md"
})
