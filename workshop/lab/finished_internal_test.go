package lab

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNotDoneNamesTheFirstTODOOfTheExercise(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, source := range map[string]string{
		"a_test.go": "// TODO(01/1): not this one\n",
		"hello.go":  "package hello\n\n// TODO(01/11): another's\n// TODO(01/1): declare\n// TODO(01/1): publish\n",
		"todo.go":   "package hello\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(source), 0o600))
	}
	require.Equal(t, "not done yet  hello.go:4 TODO(01/1)", notDone(dir, "01/1"))
	require.Equal(t, "not done yet  01/2", notDone(dir, "01/2"), "no such TODO: the exercise alone")
}
