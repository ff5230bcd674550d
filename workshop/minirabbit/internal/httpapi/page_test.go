package httpapi

import (
	"io/fs"
	"net/http"
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
