package scratch_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/scratch"
)

// These tests don't run in parallel: they change the environment and the working directory.

// project makes a project's folder and returns it, free of symbolic links.
func project(t *testing.T) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.work"), nil, 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "workshop"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "01-basics", "1-hello"), 0o755))
	t.Setenv(scratch.EnvRoot, "")
	t.Setenv(scratch.EnvDir, "")
	return root
}

func TestRootIsFoundFromBelow(t *testing.T) {
	root := project(t)
	for _, below := range []string{".", "01-basics", "01-basics/1-hello", "workshop"} {
		t.Chdir(filepath.Join(root, below))
		found, err := scratch.Root()
		require.NoError(t, err)
		require.Equal(t, root, found)
	}
}

func TestRootHasNoSymbolicLinks(t *testing.T) {
	root := project(t)
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(root, link))
	t.Chdir(filepath.Join(link, "01-basics"))
	found, err := scratch.Root()
	require.NoError(t, err)
	require.Equal(t, root, found)

	t.Setenv(scratch.EnvRoot, link)
	found, err = scratch.Root()
	require.NoError(t, err)
	require.Equal(t, root, found)
}

func TestOutsideTheProjectTheErrorSaysWhatToDo(t *testing.T) {
	project(t)
	t.Chdir(t.TempDir())
	_, err := scratch.Root()
	require.ErrorIs(t, err, scratch.ErrOutside)
	require.ErrorContains(t, err, "go.work")
}

func TestAFolderOfTheSameNameIsNoGoWork(t *testing.T) {
	root := project(t)
	inner := filepath.Join(root, "01-basics")
	require.NoError(t, os.MkdirAll(filepath.Join(inner, "go.work"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(inner, "workshop"), 0o755))
	t.Chdir(inner)
	found, err := scratch.Root()
	require.NoError(t, err)
	require.Equal(t, root, found)
}

func TestDirIsMadeBelowTheRoot(t *testing.T) {
	root := project(t)
	t.Chdir(root)
	dir, err := scratch.Dir()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, ".workshop"), dir)
	require.DirExists(t, dir)

	elsewhere := filepath.Join(root, "else", "where")
	t.Setenv(scratch.EnvDir, elsewhere)
	dir, err = scratch.Dir()
	require.NoError(t, err)
	require.Equal(t, elsewhere, dir)
	require.DirExists(t, dir)
}
