package loop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"warren.example/workshop/command/terminal"
	"warren.example/workshop/command/view"
	"warren.example/workshop/course"
)

// press does what a key asks for. While something runs, keys are ignored: what they would show is about to change.
func (l *loop) press(key terminal.Key) {
	if key == terminal.CtrlZ && l.Suspend != nil {
		if err := l.Suspend(); err != nil {
			l.note = err.Error()
		}
		l.draw()
		return
	}
	if l.job != nil {
		return
	}
	if answer := l.question; answer != nil {
		l.question, l.panel = nil, ""
		answer(key == 'y')
		l.draw()
		return
	}
	skips := l.skips
	l.skips, l.note = false, ""
	switch key {
	case 'h':
		l.panel = l.hint()
	case 'w':
		l.wire()
		return
	case 'l':
		l.panel = view.List(l.Style(), l.List())
	case 's':
		l.solution()
	case 'r':
		l.panel = ""
		l.judge()
		return
	case 'n':
		if l.next(skips) {
			return
		}
	case terminal.Enter:
		l.panel = ""
	default:
		return
	}
	l.draw()
}

// hint shows the next rung: the one that the catalogue names for the first failed test, if it lies ahead. When the last was
// shown, it shows the whole ladder.
func (l *loop) hint() string {
	rungs, err := l.exercise.Hints()
	if err != nil {
		return err.Error() + "\n"
	}
	if len(rungs) == 0 {
		return fmt.Sprintf("No hints yet: read %s/README.md\n", l.exercise.Chapter)
	}
	shown := l.Progress.HintsShown(l.exercise)
	from, to := 0, len(rungs)
	if shown < len(rungs) {
		to = shown + 1
		if l.verdict != nil && !l.verdict.Untouched() {
			to = max(to, min(l.exercise.RungFor(view.FirstFailed(*l.verdict)), len(rungs)))
		}
		from = to - 1
	}
	var b strings.Builder
	for _, rung := range rungs[from:to] {
		b.WriteString(view.Rung(l.Style(), rung, len(rungs)))
	}
	if to == len(rungs) {
		b.WriteString("That was the last rung: h shows the whole ladder, s a solution.\n")
	}
	if err := l.Progress.ShowHint(l.exercise, to); err != nil {
		b.WriteString(err.Error() + "\n")
	}
	return b.String()
}

// wire draws what went over the wire in the first test that fails, or in the first of all.
func (l *loop) wire() {
	if l.verdict == nil || len(l.verdict.Tests) == 0 {
		l.panel = "No test has run yet, so nothing went over the wire.\n"
		l.draw()
		return
	}
	e, test := l.exercise, view.FirstFailed(*l.verdict)
	l.start("watching "+test+" on the wire", func(ctx context.Context, _ func(string)) func() {
		text, err := l.Wire(ctx, e, test)
		return func() {
			switch {
			case errors.Is(err, context.Canceled):
				l.panel = ""
			case err != nil:
				l.panel = err.Error() + "\n"
			default:
				l.panel = text
			}
		}
	})
}

// solution compares a green file with ours, and asks before it shows ours to who has not solved it.
func (l *loop) solution() {
	e := l.exercise
	if l.Progress.Done(e) {
		diff, err := e.Diff()
		switch {
		case err != nil:
			l.panel = err.Error() + "\n"
		case diff == "":
			l.panel = "Yours and ours are the same.\n"
		default:
			l.panel = view.Diff(l.Style(), diff)
		}
		return
	}
	l.panel = e.ID + " is not green yet. Show the solution? y shows it, any other key doesn't.\n"
	l.question = func(yes bool) {
		if !yes {
			return
		}
		source, err := os.ReadFile(e.SolutionFile())
		if err != nil {
			l.panel = err.Error() + "\n"
			return
		}
		l.panel = string(source)
	}
}

// next turns to the next exercise that is not done, and reports whether it did. A red one is left only when n is pressed twice.
func (l *loop) next(twice bool) bool {
	if !l.Progress.Done(l.exercise) && !twice {
		l.skips = true
		l.panel = l.exercise.ID + " is not green yet. n once more leaves it for later.\n"
		return false
	}
	following := l.following()
	if following == nil {
		l.panel = "There is no other open exercise.\n"
		return false
	}
	l.turnTo(*following)
	return true
}

// following returns the next exercise that is not done, beginning after the present one; nil when there is no other.
func (l *loop) following() *course.Exercise {
	if open, ok := l.Progress.OpenAfter(l.Course.Exercises(), l.exercise.ID); ok {
		return &open
	}
	return nil
}
