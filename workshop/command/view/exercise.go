package view

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"warren.example/workshop/command/terminal"
	"warren.example/workshop/course"
)

// Title is an exercise in one line: "01/1 hello · 10 min".
func Title(e course.Exercise) string { return fmt.Sprintf("%s %s · %d min", e.ID, e.Title, e.Minutes) }

// Place is where the work on an exercise begins, below the root: "01-basics/1-hello/hello.go:24", or the file alone when it
// has no TODO any more.
func Place(e course.Exercise) string {
	place := e.Path() + "/" + e.File
	file, err := os.Open(e.LearnerFile())
	if err != nil {
		return place
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		if strings.Contains(lines.Text(), "TODO("+e.ID+")") {
			return fmt.Sprintf("%s:%d", place, number)
		}
	}
	return place
}

// Begin tells a learner who has not begun where to.
func Begin(s terminal.Style, e course.Exercise) string {
	text := fmt.Sprintf("Red on purpose: you turn it green. Open %s and save; I look again.", Place(e))
	return terminal.Wrap(text, s.Width, "") + "\n"
}

// Green is what is worth a look when an exercise is done. next is nil when it was the last.
func Green(s terminal.Style, e course.Exercise, next *course.Exercise) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Why it works: %s     Compare with ours: s\n", s.Cyan(e.Chapter+"/README.md"))
	if next != nil {
		fmt.Fprintf(&b, "%s next: %s %s, %d min\n", s.Bold("n"), next.ID, next.Title, next.Minutes)
	}
	return b.String()
}

// Finished is what is said when a chapter's last exercise turned green.
func Finished(s terminal.Style, c course.Chapter) string {
	return s.Green(fmt.Sprintf("%s finished · %d of %d\n", c.Dir, len(c.Exercises), len(c.Exercises)))
}
