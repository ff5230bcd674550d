package course_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/course"
)

// Not parallel: it changes the environment.
func TestWithoutCCompilerSolutionsRunWithoutRaceDetectorButNotInCI(t *testing.T) {
	t.Setenv("CGO_ENABLED", "0")
	t.Setenv("CI", "")
	f := newFake(t, 1)
	if ok, _ := f.course().RaceDetector(t.Context()); ok {
		t.Skip("needs a platform whose race detector needs a C compiler")
	}

	report := f.verify(course.VerifyOptions{Selection: "01"})
	require.True(t, report.OK(), report)
	require.False(t, row(t, report, "01/1 solution").Verdict.Race)
	require.Len(t, report.Notes, 1)
	require.Contains(t, report.Notes[0], "races were not looked for: no C compiler")

	t.Setenv("CI", "true")
	report = f.verify(course.VerifyOptions{Selection: "01"})
	require.False(t, report.OK())
	require.Contains(t, report.String(), "here the proof needs it")
}

// Not parallel: it changes the environment.
func TestVerdictsAreReachedInASymlinkedCheckout(t *testing.T) {
	f := newFake(t, 1)
	link := filepath.Join(t.TempDir(), "checkout")
	if err := os.Symlink(f.root, link); err != nil {
		t.Skipf("needs symbolic links: %v", err)
	}
	t.Setenv("PWD", link) // as a shell spells it that went there through the link

	c, err := course.Load(link)
	require.NoError(t, err)
	report, err := c.Verify(t.Context(), course.Runner{}, course.VerifyOptions{Selection: "01"})
	require.NoError(t, err)
	require.True(t, report.OK(), report)
	require.Equal(t, 4, report.Passed)
}

// Not parallel: it changes the environment.
func TestCoverageInGoflagsIsNoVerdict(t *testing.T) {
	t.Setenv("GOFLAGS", "-cover")
	report := newFake(t, 1).verify(course.VerifyOptions{Selection: "01"})
	require.Equal(t, 4, report.Failed, report)
	require.Contains(t, report.String(), "GOFLAGS has -cover")
}
