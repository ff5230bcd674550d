package loop

import (
	"fmt"
	"strings"
	"time"

	"warren.example/workshop/command/terminal"
	"warren.example/workshop/command/view"
)

// draw shows everything anew: the verdict, what a key asked for, and the keys. Until the first verdict is there, it keeps what
// stands above: the report of the set-up.
func (l *loop) draw() {
	s := l.Style()
	var b strings.Builder
	if l.mayClear {
		b.WriteString(s.Clear())
	} else {
		b.WriteString(s.EraseLine() + "\n")
	}
	l.mayClear = l.verdict != nil || l.trouble != nil
	switch {
	case l.verdict == nil:
		b.WriteString(s.Bold(view.Title(l.exercise)) + l.tally() + "\n")
	default:
		b.WriteString(view.Verdict(s, l.exercise, *l.verdict))
		if l.verdict.Untouched() && l.job == nil {
			b.WriteString(view.Begin(s, l.exercise))
		}
	}
	if l.trouble != nil {
		b.WriteString(s.Red(terminal.Wrap(l.trouble.Error(), s.Width, "")) + "\n")
	}
	if l.panel != "" {
		b.WriteString("\n" + l.panel)
	}
	if l.verdict != nil && l.verdict.Passed && l.job == nil {
		b.WriteString(view.Green(s, l.exercise, l.following()))
	}
	if l.note != "" {
		b.WriteString(s.Yellow(terminal.Wrap(l.note, s.Width, "")) + "\n")
	}
	if l.job != nil {
		b.WriteString(l.status(s))
	} else {
		b.WriteString(l.keys(s))
	}
	fmt.Fprint(l.Out, b.String())
}

// tally says how much of the course is done.
func (l *loop) tally() string {
	all := l.Course.Exercises()
	done := 0
	for _, e := range all {
		if l.Progress.Done(e) {
			done++
		}
	}
	return fmt.Sprintf(" · %d of %d", done, len(all))
}

// keys names the keys that do something now.
func (l *loop) keys(s terminal.Style) string {
	if l.question != nil {
		return s.Bold("y") + " yes   any other key: no"
	}
	names := []string{"h hint", "w wire", "l list", "s solution", "r again", "n next", "q quit"}
	if l.verdict != nil && l.verdict.Passed {
		names[3] = "s compare"
	}
	return s.Faint(terminal.Fit(strings.Join(names, "  "), s.Width))
}

// status is the last line while something runs. The cursor stays on it.
func (l *loop) status(s terminal.Style) string {
	text := l.job.what + " …"
	if seconds := int(time.Since(l.job.began).Seconds()); seconds > 0 {
		text += fmt.Sprintf(" %d s", seconds)
	}
	return s.Faint(terminal.Fit(text, s.Width))
}

// drawStatus says how long something has been running.
func (l *loop) drawStatus() {
	if s := l.Style(); l.job != nil && s.CanClear {
		fmt.Fprint(l.Out, s.EraseLine()+l.status(s))
	}
}
