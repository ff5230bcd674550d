package view_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/command/terminal"
	"warren.example/workshop/command/view"
	"warren.example/workshop/course"
)

func TestMarkdownIsWrappedAndCodeIsNot(t *testing.T) {
	t.Parallel()
	text := view.Markdown(terminal.Style{Width: 40}, `
A sentence that was broken
at some place in the source.

- a point that is longer than the line is wide
- another

`+"```go\nfor delivery := range deliveries { handle(delivery) } // long\n```"+`

	tabbed()
`, "  ")
	require.Equal(t, `  A sentence that was broken at some
  place in the source.

  - a point that is longer than the
    line is wide
  - another

    for delivery := range deliveries { handle(delivery) } // long

    tabbed()
`, text)
}

func TestListShowsStatesHintsAndTheNext(t *testing.T) {
	t.Parallel()
	text := view.List(terminal.Style{Width: 80}, []view.ChapterEntry{{
		Dir: "01-basics", Minutes: 30, Done: 1, Exercises: []view.ExerciseEntry{
			{ID: "01/1", Title: "hello", Minutes: 10, State: view.Done},
			{ID: "01/2", Title: "receive", Minutes: 20, State: view.Begun, Hints: 2, Next: true},
			{ID: "01/3", Title: "confirm", Minutes: 15, State: view.Open, Hints: 1},
		},
	}})
	require.Equal(t, `01-basics · 1 of 3 · 1 h 15
  ✓ 01/1 hello     10 min
  ~ 01/2 receive   20 min  begun, 2 hints seen, ← next
  · 01/3 confirm   15 min  1 hint seen
`, text)
}

func TestListSaysOfALessonAloneThatItIsToRead(t *testing.T) {
	t.Parallel()
	text := view.List(terminal.Style{Width: 80}, []view.ChapterEntry{{Dir: "06-services", Minutes: 40}})
	require.Equal(t, "06-services · to read · 40 min\n", text)
}

func TestGreenLeadsOn(t *testing.T) {
	t.Parallel()
	next := course.Exercise{ID: "01/3", Title: "confirm", Minutes: 15}
	require.Contains(t, view.Green(terminal.Style{}, receive, &next), "n next: 01/3 confirm, 15 min\n")
	require.NotContains(t, view.Green(terminal.Style{}, receive, nil), "next")
	require.Contains(t, view.Finished(terminal.Style{}, course.Chapter{Dir: "01-basics", Exercises: make([]course.Exercise, 6)}),
		"01-basics finished · 6 of 6")
}

func TestPlaceIsTheLineOfTheTodo(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(path, text string) {
		file := filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	write("01-a/chapter.yaml", "id: \"01\"\ntitle: A\nminutes: 1\nrows: [1]\nexercises:\n"+
		"  - {id: 01/1, dir: 1-b, file: b.go, title: b, minutes: 1, needs: [], rows: [1], mistakes: []}\n")
	write("01-a/1-b/b.go", "package b\n\n// TODO(01/1): write b.\n")
	loaded, err := course.Load(root)
	require.NoError(t, err)
	e := loaded.Exercises()[0]
	require.Equal(t, "01-a/1-b/b.go:3", view.Place(e))
	write("01-a/1-b/b.go", "package b\n")
	require.Equal(t, "01-a/1-b/b.go", view.Place(e))
	require.NoError(t, os.Remove(e.LearnerFile()))
	require.Equal(t, "01-a/1-b/b.go", view.Place(e))
}
