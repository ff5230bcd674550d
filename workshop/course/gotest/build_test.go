package gotest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/course/gotest"
)

const (
	wrongSum = "package sum\n\nfunc Sum(a, b int) int { return a - b }\n"
	rightSum = "package sum\n\nfunc Sum(a, b int) int { return a + b }\n"
	sumTest  = `package sum_test

import (
	"testing"

	"example.test/sum"
)

func TestSum(t *testing.T) {
	if got := sum.Sum(1, 2); got != 3 {
		t.Errorf("Sum(1, 2) = %d", got)
	}
}
`
)

// sumModule has a wrong sum.go and, in other/, what to put in its place.
func sumModule(t *testing.T, other string) (dir, file string) {
	t.Helper()
	dir = write(t, map[string]string{"sum.go": wrongSum, "sum_test.go": sumTest, "other/sum.go": other})
	return dir, filepath.Join(dir, "other", "sum.go")
}

func TestSwappedFileIsTheOneThatIsTested(t *testing.T) {
	t.Parallel()
	dir, right := sumModule(t, rightSum)

	swapped, err := build(t, gotest.Package{Dir: dir, Replace: map[string]string{"sum.go": right}}).Run(t.Context(), gotest.Options{})
	require.NoError(t, err)
	require.True(t, swapped.Passed())
	require.Equal(t, []string{"TestSum"}, names(swapped), "the proof of the overlay is no test")

	own, err := build(t, gotest.Package{Dir: dir}).Run(t.Context(), gotest.Options{})
	require.NoError(t, err)
	require.False(t, own.Passed())
}

func TestHiddenFileIsNotCompiled(t *testing.T) {
	t.Parallel()
	dir, right := sumModule(t, rightSum)
	put(t, dir, "mine.go", "package sum\n\nfunc Sum(a, b int) int { return 0 }\n")

	b := build(t, gotest.Package{Dir: dir, Replace: map[string]string{"sum.go": right, "mine.go": ""}})
	r, err := b.Run(t.Context(), gotest.Options{})
	require.NoError(t, err)
	require.True(t, r.Passed())
}

func TestSymbolicLinkInThePathIsRefused(t *testing.T) {
	t.Parallel()
	dir, right := sumModule(t, rightSum)
	link := filepath.Join(t.TempDir(), "checkout")
	if err := os.Symlink(dir, link); err != nil {
		t.Skipf("needs symbolic links: %v", err)
	}

	_, err := gotest.Package{Dir: link, Replace: map[string]string{"sum.go": right}}.Build(t.Context())
	require.ErrorIs(t, err, gotest.ErrOverlay)
	require.ErrorContains(t, err, dir, "it says which name to use")
}

func TestCoverageIsRefused(t *testing.T) {
	t.Parallel()
	dir, right := sumModule(t, rightSum)
	p := gotest.Package{Dir: dir, Replace: map[string]string{"sum.go": right}, Env: []string{"GOWORK=off", "GOFLAGS=-cover"}}

	_, err := p.Build(t.Context())
	require.ErrorIs(t, err, gotest.ErrOverlay)
	require.ErrorContains(t, err, "GOFLAGS has -cover")
}

func TestCodeThatDoesNotCompileIsTheCodesFault(t *testing.T) {
	t.Parallel()
	dir, file := sumModule(t, "package sum\n\nfunc Sum(a, b int) int { return a + c }\n")

	_, err := gotest.Package{Dir: dir, Replace: map[string]string{"sum.go": file}, Env: []string{"GOWORK=off"}}.Build(t.Context())
	var broken *gotest.Broken
	require.ErrorAs(t, err, &broken)
	require.Equal(t, gotest.BuildFailed, broken.End)
	require.Contains(t, broken.Output, "undefined: c")
	require.Contains(t, broken.Output, "other", "it names the file that was swapped in")
}

func TestVetLooksAtTheSwappedFile(t *testing.T) {
	t.Parallel()
	dir, file := sumModule(t, "package sum\n\nimport \"fmt\"\n\nfunc Sum(a, b int) int { fmt.Printf(\"%d\", \"x\"); return a + b }\n")
	p := gotest.Package{Dir: dir, Env: []string{"GOWORK=off"}}
	require.NoError(t, p.Vet(t.Context()))

	p.Replace = map[string]string{"sum.go": file}
	var broken *gotest.Broken
	require.ErrorAs(t, p.Vet(t.Context()), &broken)
	require.Equal(t, gotest.VetFailed, broken.End)
	require.Contains(t, broken.Output, "wrong type string")
}

func TestRaceIsSeen(t *testing.T) {
	t.Parallel()
	tools, err := gotest.Probe(t.Context(), t.TempDir())
	require.NoError(t, err)
	if ok, why := tools.Race(); !ok {
		t.Skip(why)
	}
	dir := write(t, map[string]string{"sum.go": "package sum\n", "sum_test.go": `package sum_test

import "testing"

func TestRacy(t *testing.T) {
	n, done := 0, make(chan bool)
	go func() { n++; close(done) }()
	n++
	<-done
}
`})
	r, err := build(t, gotest.Package{Dir: dir, Race: true}).Run(t.Context(), gotest.Options{})
	require.NoError(t, err)
	require.Equal(t, gotest.Ended, r.End)
	require.Equal(t, gotest.Fail, r.Tests[0].Outcome)
	require.Contains(t, r.Tests[0].Text, "DATA RACE")
}
