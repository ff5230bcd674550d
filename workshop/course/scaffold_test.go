package course_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/course"
)

func TestNewExerciseFitsTheCourse(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	f.put("01-fake/chapter.yaml", f.read("01-fake/chapter.yaml")+"# the end\n")
	files, err := f.course().New(course.Scaffold{ID: "01/2", Name: "put-back"})
	require.NoError(t, err)
	require.Equal(t, []string{
		"01-fake/2-put-back/HINTS.md",
		"01-fake/2-put-back/putback.go",
		"01-fake/2-put-back/putback_test.go",
		"01-fake/2-put-back/todo.go",
		"01-fake/README.md",
		"01-fake/chapter.yaml",
		"solutions/01-fake/2-put-back/mistakes/first-mistake/putback.go",
		"solutions/01-fake/2-put-back/mistakes/second-mistake/putback.go",
		"solutions/01-fake/2-put-back/putback.go",
		"solutions/01-fake/2-put-back/skeleton/putback.go",
	}, files)

	c := f.course()
	require.Empty(t, c.Inspect(true))
	e, err := c.Exercise("01/2")
	require.NoError(t, err)
	require.Equal(t, "put-back", e.Title)
	require.Contains(t, f.read("01-fake/chapter.yaml"), "# the end")
	require.Contains(t, f.read("01-fake/2-put-back/putback.go"), "func PutBack(ctx context.Context")

	_, err = c.New(course.Scaffold{ID: "01/3", Name: "third"})
	require.NoError(t, err)
	require.Empty(t, f.course().Inspect(true))
}

func TestFirstExerciseOfAChapter(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"exercises: []\n", "exercises:\n"} {
		f := newFake(t, 1)
		f.put("02-more/go.mod", "module warren.example/02-more\n")
		f.put("02-more/chapter.yaml", "id: \"02\"\ntitle: More\nminutes: 5\nrows: []\n"+end)
		_, err := f.course().New(course.Scaffold{ID: "02/1", Name: "more"})
		require.NoError(t, err)
		require.Empty(t, f.course().Inspect(true))
	}
}

func TestNewOverwritesNothing(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	f.put("01-fake/2-more/HINTS.md", "mine")
	before := f.read("01-fake/chapter.yaml")
	for want, s := range map[string]course.Scaffold{
		"01-fake/2-more/HINTS.md is there already": {ID: "01/2", Name: "more"},
		"the next of chapter 01 is 01/2":           {ID: "01/7", Name: "more"},
		`there is no chapter "09"`:                 {ID: "09/1", Name: "more"},
		`name "2More"`:                             {ID: "01/2", Name: "2More"},
	} {
		_, err := f.course().New(s)
		require.ErrorContains(t, err, want)
	}
	require.Equal(t, before, f.read("01-fake/chapter.yaml"))
	require.NoFileExists(t, f.path("01-fake/2-more/more.go"))
}
