// Package view turns what the workshop knows into text for a screen: verdicts, lists, hints. It prints nothing itself and
// asks nobody: the same values always give the same text.
package view

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"warren.example/workshop/command/terminal"
	"warren.example/workshop/course"
	"warren.example/workshop/course/gotest"
)

// Lines of output that are shown of something that has no claim: enough for a compiler's first errors or a panic's head.
const mostLines = 16

// Verdict shows what the tests said about the learner's file: the first failure whole, the others in one line each.
func Verdict(s terminal.Style, e course.Exercise, v course.Verdict) string {
	var b strings.Builder
	b.WriteString(headline(s, e, v))
	switch v.End {
	case gotest.BuildFailed:
		b.WriteString("  It doesn't compile yet:\n" + excerpt(s, v.Output, "  "))
		return b.String()
	case gotest.VetFailed:
		b.WriteString("  It compiles, but go vet says:\n" + excerpt(s, v.Output, "  "))
		return b.String()
	case gotest.TimedOut:
		b.WriteString("  The tests were stopped: they took too long. Something waits for ever.\n")
	case gotest.Panicked:
		b.WriteString("  A panic, os.Exit or log.Fatal ended the tests.\n")
	case gotest.Outside:
		b.WriteString("  The tests ended, and then the process failed: something was left open or running.\n")
	case gotest.NoTests:
		b.WriteString("  No test ran. Are the test files as they were? Tests that didn't run prove nothing.\n")
	}
	column := 0
	for _, t := range v.Tests {
		column = max(column, len(t.Name))
	}
	if s.Width > 0 {
		column = min(column, s.Width/2)
	}
	isFirst := true
	placed := false
	others := 0 // that have more to say than their line
	for _, t := range v.Tests {
		switch {
		case t.NotDone:
			text := "not done yet"
			if !placed && t.Place != "" {
				text += "   " + t.Place
				placed = true
			}
			b.WriteString(row(s, "·", t.Name, column, text))
		case t.Outcome == gotest.Pass:
			b.WriteString(row(s, s.Green("✓"), t.Name, column, ""))
		case t.Outcome == gotest.Skip:
			b.WriteString(row(s, s.Yellow("-"), t.Name, column, "skipped: "+first(t.Needs, t.Text)))
		case isFirst:
			isFirst = false
			b.WriteString(row(s, s.Red("✗"), s.Bold(t.Name), 0, ""))
			b.WriteString(failure(s, t))
		default:
			b.WriteString(row(s, s.Red("✗"), t.Name, column, summary(t)))
			if t.Claim != nil || strings.TrimSpace(t.Text) != "" {
				others++
			}
		}
	}
	if others > 0 {
		b.WriteString(whole(s, "go test ./"+e.Path()))
	}
	if v.Output != "" && v.End != gotest.Ended {
		b.WriteString(excerpt(s, v.Output, "  "))
	}
	return b.String()
}

// Brief shows a verdict in one line, for a list of many.
func Brief(s terminal.Style, e course.Exercise, v course.Verdict) string {
	mark := s.Red("✗")
	if v.Passed {
		mark = s.Green("✓")
	}
	return fmt.Sprintf("  %s %s %s   %s\n", mark, e.ID, terminal.Pad(e.Title, 12), state(v))
}

// headline is the exercise and the state on the left, the broker on the right.
func headline(s terminal.Style, e course.Exercise, v course.Verdict) string {
	left := fmt.Sprintf("%s %s · %s", e.ID, e.Title, state(v))
	blanks := s.Width - utf8.RuneCountInString(left) - utf8.RuneCountInString(v.Broker)
	line := s.Bold(fmt.Sprintf("%s %s", e.ID, e.Title)) + " · " + paintState(s, v)
	if blanks < 2 {
		return line + "\n" + s.Faint(v.Broker) + "\n"
	}
	return line + strings.Repeat(" ", blanks) + s.Faint(v.Broker) + "\n"
}

// state says in words how far it is: "2 of 3 · red".
func state(v course.Verdict) string {
	switch {
	case v.End == gotest.BuildFailed:
		return "doesn't compile"
	case v.End == gotest.VetFailed:
		return "vet objects"
	}
	count := fmt.Sprintf("%d of %d", v.Tally(gotest.Pass), len(v.Tests))
	switch {
	case v.Passed:
		return count + " · green"
	case v.Untouched():
		return count
	}
	return count + " · red"
}

func paintState(s terminal.Style, v course.Verdict) string {
	switch {
	case v.Passed:
		return s.Green(state(v))
	case v.Untouched():
		return state(v)
	}
	return s.Red(state(v))
}

// row is one line for one test, not wider than the screen.
func row(s terminal.Style, mark, name string, column int, text string) string {
	line := "  " + mark + " " + name
	if text == "" {
		return line + "\n"
	}
	line = "  " + mark + " " + terminal.Pad(terminal.Fit(name, column), column)
	room := 0
	if s.Width > 0 {
		room = max(s.Width-4-column-3, 12)
	}
	return line + "   " + terminal.Fit(text, room) + "\n"
}

// failure shows one failed test whole.
func failure(s terminal.Style, t gotest.Test) string {
	if t.Claim == nil {
		switch t.Outcome {
		case gotest.Missing:
			return "      It never ran: the tests ended before it.\n"
		case gotest.Hang:
			return "      It was still running when the time was up.\n" + excerpt(s, t.Text, "      ")
		}
		return excerpt(s, t.Text, "      ")
	}
	var b strings.Builder
	for _, line := range [][2]string{
		{"saw", t.Claim.Saw}, {"want", t.Claim.Want}, {"why", t.Claim.Why}, {"wire", t.Claim.Wire}, {"read", t.Claim.Read},
	} {
		if line[1] == "" {
			continue
		}
		text := terminal.Wrap(line[1], s.Width, strings.Repeat(" ", 12))
		if line[0] == "read" {
			text = s.Cyan(text)
		}
		fmt.Fprintf(&b, "      %s  %s\n", s.Faint(terminal.Pad(line[0], 4)), text)
	}
	return b.String()
}

// summary is what a failed test says in one line.
func summary(t gotest.Test) string {
	switch {
	case t.Claim != nil:
		return t.Claim.Saw
	case t.Outcome == gotest.Hang:
		return "still running when the time was up"
	case t.Outcome == gotest.Missing:
		return "never ran"
	}
	return strings.TrimSpace(t.Text)
}

// whole says by which command all failures are shown whole.
func whole(s terminal.Style, command string) string {
	label, gap := "  All of them whole:", " "
	if s.Width > 0 && len(label)+len(gap)+len(command) > s.Width {
		gap = "\n    "
	}
	return label + gap + s.Cyan(command) + "\n"
}

// excerpt shows the beginning of output that others formatted, cut where the screen ends.
func excerpt(s terminal.Style, output, indent string) string {
	output = strings.ReplaceAll(strings.Trim(output, "\n"), "\t", "    ")
	if strings.TrimSpace(output) == "" {
		return ""
	}
	lines := strings.Split(output, "\n")
	var b strings.Builder
	for i, line := range lines {
		if i == mostLines {
			fmt.Fprintf(&b, "%s… and %d lines more: go test prints them all\n", indent, len(lines)-i)
			break
		}
		b.WriteString(indent + terminal.Wrap(line, s.Width, indent) + "\n")
	}
	return b.String()
}

func first(texts ...string) string {
	for _, text := range texts {
		if text = strings.TrimSpace(text); text != "" {
			return text
		}
	}
	return ""
}

// FirstFailed returns the name of the first test that did not pass, or else of the first of all; "" when there is none.
func FirstFailed(v course.Verdict) string {
	if len(v.Tests) == 0 {
		return ""
	}
	for _, t := range v.Tests {
		if t.Outcome != gotest.Pass && t.Outcome != gotest.Skip {
			return t.Name
		}
	}
	return v.Tests[0].Name
}
