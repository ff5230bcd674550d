package view

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"warren.example/workshop/command/terminal"
)

// The states of an exercise.
const (
	Done  = "done"  // what lies there now was judged green
	Begun = "begun" // it differs from the skeleton
	Open  = "open"
)

// A ChapterEntry is one chapter of a list. Its JSON form is what `list --json` prints.
type ChapterEntry struct {
	ID        string          `json:"id"`
	Dir       string          `json:"dir"`
	Title     string          `json:"title"`
	Minutes   int             `json:"minutes"` // for reading the lesson
	Done      int             `json:"done"`
	Exercises []ExerciseEntry `json:"exercises"`
}

// An ExerciseEntry is one exercise of a list.
type ExerciseEntry struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Path    string `json:"path"`
	Minutes int    `json:"minutes"`
	State   string `json:"state"` // "done", "begun" or "open"
	Hints   int    `json:"hints"` // rungs that were shown
	Next    bool   `json:"next"`  // the first that is not done
}

// List shows chapters and their exercises.
func List(s terminal.Style, chapters []ChapterEntry) string {
	var b strings.Builder
	title := 0
	for _, chapter := range chapters {
		for _, e := range chapter.Exercises {
			title = max(title, utf8.RuneCountInString(e.Title))
		}
	}
	for i, chapter := range chapters {
		if i > 0 {
			b.WriteByte('\n')
		}
		minutes := chapter.Minutes
		for _, e := range chapter.Exercises {
			minutes += e.Minutes
		}
		done := fmt.Sprintf("%d of %d", chapter.Done, len(chapter.Exercises))
		if len(chapter.Exercises) == 0 {
			done = "to read"
		}
		line := fmt.Sprintf("%s · %s · %s", chapter.Dir, done, Duration(minutes))
		b.WriteString(s.Bold(terminal.Fit(line, s.Width)) + "\n")
		for _, e := range chapter.Exercises {
			b.WriteString(strings.TrimRight(entry(s, e, title), " ") + "\n")
		}
	}
	return b.String()
}

func entry(s terminal.Style, e ExerciseEntry, title int) string {
	mark := "·"
	var notes []string
	switch e.State {
	case Done:
		mark = s.Green("✓")
	case Begun:
		mark = s.Yellow("~")
		notes = append(notes, "begun")
	}
	switch {
	case e.Hints == 1:
		notes = append(notes, "1 hint seen")
	case e.Hints > 1:
		notes = append(notes, fmt.Sprintf("%d hints seen", e.Hints))
	}
	if e.Next {
		notes = append(notes, "← next")
	}
	return fmt.Sprintf("  %s %s %s  %3d min  %s", mark, e.ID, terminal.Pad(e.Title, title), e.Minutes, strings.Join(notes, ", "))
}

// Duration is a number of minutes as people say it: "40 min", "3 h 05".
func Duration(minutes int) string {
	if minutes < 60 {
		return fmt.Sprintf("%d min", minutes)
	}
	return fmt.Sprintf("%d h %02d", minutes/60, minutes%60)
}
