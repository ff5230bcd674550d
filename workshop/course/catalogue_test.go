package course_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/course"
)

func TestCatalogueIsRead(t *testing.T) {
	t.Parallel()
	f := newFake(t, 2)
	c := f.course()

	require.Equal(t, f.root, c.Root)
	require.Len(t, c.Chapters, 1)
	require.Len(t, c.Exercises(), 2)
	e, err := c.Exercise("01/2")
	require.NoError(t, err)
	require.Equal(t, "01-fake/2-add", e.Path())
	require.Equal(t, f.path("01-fake/2-add/add.go"), e.LearnerFile())
	require.Equal(t, f.path("solutions/01-fake/2-add/mistakes/minus/add.go"), e.MistakeFile("minus"))
	require.Equal(t, 2, e.RungFor("TestOverflowIsAnError"))
	require.Zero(t, e.RungFor("TestOther"))
	f.edit("01-fake/2-add/HINTS.md", "2 Shape", "2 Shape (TestOther)")
	require.Equal(t, 2, e.RungFor("TestOther"), "no mistake is rejected by it, but a rung names it")

	next, ok := c.After("01/1")
	require.True(t, ok)
	require.Equal(t, "01/2", next.ID)
	_, ok = c.After("01/2")
	require.False(t, ok)
}

func TestExercisesAreSelectedByIDAndByPath(t *testing.T) {
	t.Parallel()
	c := newFake(t, 2).course()

	for selection, want := range map[string]int{
		"": 2, ".": 2, "01": 2, "01-fake": 2, "01-fake/": 2, "01/2": 1, "01-fake/2-add": 1, "./01-fake/2-add/": 1,
	} {
		selected, err := c.Select(selection)
		require.NoError(t, err, selection)
		require.Len(t, selected, want, selection)
	}
	_, err := c.Select("01/9")
	require.ErrorIs(t, err, course.ErrUnknown)
	require.ErrorContains(t, err, "there are 01/1 01/2")
}

func TestCatalogueMistakesAreAllNamedWithTheirLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown field": {
			"    minutes: 10", "    minuts: 10",
			`01-fake/chapter.yaml:10: there is no field "minuts" here; the fields are id, dir, file, title, minutes`,
		},
		"unknown field of a mistake": {
			"hint: 2", "rung: 2", `01-fake/chapter.yaml:16: there is no field "rung" here; the fields are name, claim, hint`,
		},
		"id with a gap":   {"id: 01/1", "id: 01/3", `01-fake/chapter.yaml:6: id is "01/3", but this is exercise "01/1"`},
		"other chapter":   {`id: "01"`, `id: "02"`, `01-fake/chapter.yaml:1: id is "02", but the folder says "01"`},
		"number as text":  {"minutes: 10", "minutes: ten", "01-fake/chapter.yaml:10: cannot unmarshal"},
		"no minutes":      {"    minutes: 10\n", "", "01-fake/chapter.yaml:6: minutes is missing"},
		"dir":             {"dir: 1-add", "dir: add", `01-fake/chapter.yaml:6: dir is "add"`},
		"test as file":    {"file: add.go", "file: add_test.go", `01-fake/chapter.yaml:6: file is "add_test.go"`},
		"unknown ability": {"needs: []", "needs: [wings]", `01-fake/chapter.yaml:6: needs: there is no ability "wings"; there are [breakable`},
		"claim":           {"claim: TestSum", "claim: sum", `01-fake/chapter.yaml:17: claim is "sum"`},
		"twice":           {"name: minus", "name: overflow", `01-fake/chapter.yaml:17: there are two mistakes "overflow"`},
		"hint":            {"hint: 1", "hint: 0", "01-fake/chapter.yaml:17: hint is 0"},
		"no YAML":         {"title: Fake", "title: [", "01-fake/chapter.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, 1)
			f.edit("01-fake/chapter.yaml", c.old, c.new)
			_, err := course.Load(f.root)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestAFolderWithoutCatalogueIsNoCourse(t *testing.T) {
	t.Parallel()
	_, err := course.Load(t.TempDir())
	require.ErrorContains(t, err, "no folder in")
}

func TestRootIsResolved(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	link := filepath.Join(t.TempDir(), "checkout")
	if err := os.Symlink(f.root, link); err != nil {
		t.Skipf("needs symbolic links: %v", err)
	}
	c, err := course.Load(link)
	require.NoError(t, err)
	require.Equal(t, f.root, c.Root)
}
