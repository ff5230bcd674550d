package course_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"warren.example/workshop/course"
	"warren.example/workshop/course/gotest"
)

// first returns the course's first exercise.
func first(t *testing.T, c *course.Course) course.Exercise {
	t.Helper()
	require.NotEmpty(t, c.Exercises())
	return c.Exercises()[0]
}

func check(t *testing.T, e course.Exercise) course.Verdict {
	t.Helper()
	v, err := course.Runner{Broker: course.Broker{Name: "B"}}.CheckLearner(t.Context(), e)
	require.NoError(t, err)
	return v
}

func open(t *testing.T, c *course.Course) *course.Progress {
	t.Helper()
	p, note, err := c.OpenProgress()
	require.NoError(t, err)
	require.Empty(t, note)
	return p
}

func TestLearnersFileIsJudgedAsItIs(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	e := first(t, f.course())

	untouched := check(t, e)
	require.True(t, untouched.Untouched())
	require.False(t, untouched.Passed)
	require.Equal(t, "add.go:7 TODO(01/1)", untouched.Tests[0].Place)

	f.put("01-fake/1-add/add.go", fakeOverflow)
	wrong := check(t, e)
	require.False(t, wrong.Passed)
	require.Equal(t, 1, wrong.Tally(gotest.Pass))
	overflow, ok := wrong.Test("TestOverflowIsAnError")
	require.True(t, ok)
	require.Contains(t, overflow.Text, "no error")
	require.Equal(t, "01-fake/1-add/add.go", wrong.File)

	f.put("01-fake/1-add/add.go", fakeSolution)
	f.put("01-fake/1-add/more.go", "package add\n\nvar _ = notDone\n")
	require.True(t, check(t, e).Passed)

	f.put("01-fake/1-add/add.go", "package add\n\nfunc Add(a, b int8) (int8, error) { return a + c, nil }\n")
	broken := check(t, e)
	require.Equal(t, gotest.BuildFailed, broken.End)
	require.Contains(t, broken.Output, "undefined: c")
	require.Empty(t, broken.Tests)
}

func TestWhatPassedIsDoneUntilItChanges(t *testing.T) {
	t.Parallel()
	f := newFake(t, 2)
	c := f.course()
	e := first(t, c)
	p := open(t, c)
	next, ok := p.Open(c.Exercises())
	require.True(t, ok)
	require.Equal(t, "01/1", next.ID)

	require.NoError(t, p.Record(check(t, e)))
	require.False(t, p.Done(e))
	f.put("01-fake/1-add/add.go", fakeSolution)
	require.NoError(t, p.Record(check(t, e)))
	require.True(t, p.Done(e))
	require.Equal(t, []string{"B"}, p.DoneOn(e))
	require.True(t, open(t, c).Done(e), "also for the next process")
	next, ok = p.Open(c.Exercises())
	require.True(t, ok)
	require.Equal(t, "01/2", next.ID)

	f.put("01-fake/1-add/add.go", fakeSolution+"// more\n")
	require.False(t, p.Done(e))
	f.put("01-fake/1-add/add.go", fakeSolution)
	require.True(t, p.Done(e), "the same content again")
	f.edit("01-fake/1-add/add_test.go", "sum != 3", "3 != sum")
	require.False(t, p.Done(e), "new tests ask anew")
}

func TestVerdictsOnOriginalsAreNoProgress(t *testing.T) {
	t.Parallel()
	c := newFake(t, 1).course()
	e := first(t, c)
	p := open(t, c)
	v, err := course.Runner{}.Judge(t.Context(), course.Variant{Exercise: e, Kind: course.Solution}, course.Options{})
	require.NoError(t, err)
	require.True(t, v.Passed)
	require.NoError(t, p.Record(v))
	require.False(t, p.Done(e))
}

func TestTwoProcessesKeepEachOthersProgress(t *testing.T) {
	t.Parallel()
	c := newFake(t, 2).course()
	one, two := open(t, c), open(t, c)
	require.NoError(t, one.ShowHint(c.Exercises()[0], 2))
	require.NoError(t, two.ShowHint(c.Exercises()[1], 1))

	both := open(t, c)
	require.Equal(t, 2, both.HintsShown(c.Exercises()[0]))
	require.Equal(t, 1, both.HintsShown(c.Exercises()[1]))
	require.NoError(t, both.ShowHint(c.Exercises()[0], 1))
	require.Equal(t, 2, both.HintsShown(c.Exercises()[0]), "a lower rung hides nothing")
	require.NoError(t, both.HideHints(c.Exercises()[0]))
	require.Zero(t, open(t, c).HintsShown(c.Exercises()[0]))
}

func TestWritersAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	c := newFake(t, 6).course()
	var writers errgroup.Group
	for _, e := range c.Exercises() {
		p := open(t, c) // as another process would: only the file is shared
		writers.Go(func() error { return p.ShowHint(e, 1) })
	}
	require.NoError(t, writers.Wait())

	after := open(t, c)
	for _, e := range c.Exercises() {
		require.Equal(t, 1, after.HintsShown(e), e.ID)
	}
}

func TestBrokenProgressIsSetAside(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"garbage": "{\"version\":", "of the future": `{"version": 99}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, 1)
			c := f.course()
			f.put(".workshop/progress.json", content)

			p, note, err := c.OpenProgress()
			require.NoError(t, err)
			require.Contains(t, note, "progress.json could not be read")
			aside, err := filepath.Glob(f.path(".workshop/progress.json.broken-*"))
			require.NoError(t, err)
			require.Len(t, aside, 1)
			kept, err := os.ReadFile(aside[0])
			require.NoError(t, err)
			require.Equal(t, content, string(kept))

			require.NoError(t, p.ShowHint(first(t, c), 1))
			require.Equal(t, 1, open(t, c).HintsShown(first(t, c)))
		})
	}
}

func TestBrokenProgressIsSetAsideTwiceInASecond(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	for _, content := range []string{"first", "second", "third"} {
		f.put(".workshop/progress.json", content)
		_, note, err := f.course().OpenProgress()
		require.NoError(t, err)
		require.NotEmpty(t, note)
	}
	aside, err := filepath.Glob(f.path(".workshop/progress.json.broken-*"))
	require.NoError(t, err)
	var kept []string
	for _, file := range aside {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		kept = append(kept, string(content))
	}
	require.ElementsMatch(t, []string{"first", "second", "third"}, kept)
}

func TestAMissingFileIsSaidWithWhatBringsItBack(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	e := first(t, f.course())
	require.NoError(t, os.Remove(e.LearnerFile()))
	_, err := e.Begun()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "reset 01/1")
	_, err = course.Runner{}.CheckLearner(t.Context(), e)
	require.ErrorContains(t, err, "reset 01/1")
}

func TestResetBacksUpFirst(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	c := f.course()
	e := first(t, c)
	begun, err := e.Begun()
	require.NoError(t, err)
	require.False(t, begun)

	var backups []string
	for _, mine := range []string{"package add // one\n", "package add // two\n"} { // most likely in one second
		f.put("01-fake/1-add/add.go", mine)
		begun, err := e.Begun()
		require.NoError(t, err)
		require.True(t, begun)

		backup, err := c.Reset(e)
		require.NoError(t, err)
		kept, err := os.ReadFile(backup)
		require.NoError(t, err)
		require.Equal(t, mine, string(kept))
		require.True(t, strings.HasSuffix(filepath.ToSlash(backup), "/01-fake/1-add/add.go"), backup)
		require.Equal(t, numbered(fakeSkeleton, 1), f.read("01-fake/1-add/add.go"))
		backups = append(backups, backup)
	}
	require.NotEqual(t, backups[0], backups[1])
}

func TestWithoutABackupNothingIsReset(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	c := f.course()
	f.put("01-fake/1-add/add.go", "package add // mine\n")
	f.put(".workshop/backups", "a file where the folder should be")

	_, err := c.Reset(first(t, c))
	require.ErrorContains(t, err, "no backup could be made")
	require.Equal(t, "package add // mine\n", f.read("01-fake/1-add/add.go"))
}

func TestResetBringsAMissingFileBack(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	c := f.course()
	f.remove("01-fake/1-add/add.go")
	backup, err := c.Reset(first(t, c))
	require.NoError(t, err)
	require.Empty(t, backup)
	require.Equal(t, numbered(fakeSkeleton, 1), f.read("01-fake/1-add/add.go"))
}

func TestDiffLeadsFromTheLearnersFileToTheSolution(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	e := first(t, f.course())
	diff, err := e.Diff()
	require.NoError(t, err)
	require.Contains(t, diff, "--- 01-fake/1-add/add.go\n+++ solutions/01-fake/1-add/add.go\n")
	require.Contains(t, diff, "-\treturn 0, notDone\n")
	require.Contains(t, diff, "+\treturn int8(sum), nil\n")

	f.put("01-fake/1-add/add.go", strings.ReplaceAll(fakeSolution, "\n", "\r\n"))
	diff, err = e.Diff()
	require.NoError(t, err)
	require.Empty(t, diff)
}

func TestLadderOfHints(t *testing.T) {
	t.Parallel()
	e := first(t, newFake(t, 1).course())
	rungs, err := e.Hints()
	require.NoError(t, err)
	require.Equal(t, []course.Rung{
		{Number: 1, Title: "Nudge: what is a sum?", Text: "See [the lesson](../README.md#adding)."},
		{Number: 2, Title: "Shape", Text: "    add, compare, return"},
	}, rungs)
}
