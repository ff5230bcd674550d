package gotest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/course/gotest"
)

// write makes a module with one package out of files, and returns the package's folder, free of symbolic links.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	put(t, dir, "go.mod", "module example.test/sum\n\ngo 1.25.0\n")
	for name, content := range files {
		put(t, dir, name, content)
	}
	return dir
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
}

// build compiles a package; GOWORK is off, so that the workspace around this test plays no part.
func build(t *testing.T, p gotest.Package) *gotest.Binary {
	t.Helper()
	p.Env = append(p.Env, "GOWORK=off")
	b, err := p.Build(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// run compiles and runs a package that consists of a test file.
func run(t *testing.T, tests string, o gotest.Options) gotest.Result {
	t.Helper()
	dir := write(t, map[string]string{"sum.go": "package sum\n", "sum_test.go": tests})
	r, err := build(t, gotest.Package{Dir: dir}).Run(t.Context(), o)
	require.NoError(t, err)
	return r
}

// outcomes returns what became of each test.
func outcomes(r gotest.Result) map[string]gotest.Outcome {
	all := map[string]gotest.Outcome{}
	for _, test := range r.Tests {
		all[test.Name] = test.Outcome
	}
	return all
}
