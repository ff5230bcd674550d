package watch

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyGoFilesCount(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	before := look(folder)
	require.NoError(t, os.Mkdir(filepath.Join(folder, "folder.go"), 0o755))
	for _, name := range []string{".hello.go.swp", ".#hello.go", "hello.go~", "hello.go.tmp", "4913", "HINTS.md"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o644))
	}
	require.True(t, look(folder).equal(before))

	require.NoError(t, os.WriteFile(filepath.Join(folder, "hello.go"), nil, 0o644))
	after := look(folder)
	require.False(t, after.equal(before))
	require.False(t, before.equal(after))
}
