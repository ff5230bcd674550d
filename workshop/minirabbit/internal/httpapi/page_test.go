package httpapi

import (
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/version"
)

func TestThePageNeedsNoLoginAndNothingFromElsewhere(t *testing.T) {
	h := newHandler(newFake(version.V40), Config{})
	r := do(t, h, call{path: "/", user: "nobody"})
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Equal(t, "default-src 'self'", r.Header.Get("Content-Security-Policy"))
	require.Contains(t, bodyOf(t, r), "<!DOCTYPE html>")
	err := fs.WalkDir(files, "page", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		r := do(t, h, call{path: "/" + path, user: "nobody"})
		require.Equal(t, http.StatusOK, r.StatusCode, path)
		text := strings.ReplaceAll(bodyOf(t, r), "http://www.w3.org/2000/svg", "")
		require.NotContains(t, text, "//cdn", path)
		require.NotRegexp(t, `https?://`, text, path)
		require.LessOrEqual(t, strings.Count(text, "\n"), 400, path)
		return nil
	})
	require.NoError(t, err)
}

// TestDotsRunWhereMessagesWent runs testdata/flow.mjs on the page's scripts, where there is a node to run it.
func TestDotsRunWhereMessagesWent(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node here")
	}
	dir := t.TempDir()
	for from, to := range map[string]string{
		"testdata/flow.mjs": "test.mjs", "page/layout.js": "layout.mjs", "page/changes.js": "changes.mjs", "page/flow.js": "flow.mjs",
	} {
		script, err := os.ReadFile(filepath.FromSlash(from))
		require.NoError(t, err)
		local := strings.NewReplacer("'/page/", "'./", ".js'", ".mjs'").Replace(string(script)) // what it imports, on disk
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), []byte(local), 0o600))
	}
	out, err := exec.CommandContext(t.Context(), node, filepath.Join(dir, "test.mjs")).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
