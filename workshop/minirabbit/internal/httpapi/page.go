package httpapi

import (
	"embed"
	"net/http"
	"path"
)

// files are the page's own. It loads nothing from elsewhere: it must work without a network.
//
//go:embed page
var files embed.FS

// types are the media types of the page's files: what a machine's own table says about scripts differs.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// pageFile serves a file of the page, or the one that the request's path names. Nobody has to log in for it.
func pageFile(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := name
		if file := r.PathValue("file"); file != "" {
			name = file
		}
		raw, err := files.ReadFile(path.Join("page", path.Base(name)))
		switch {
		case err != nil:
			refuse(w, errNotFound)
			return
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "HEAD, GET")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Content-Type", types[path.Ext(name)])
		_, _ = w.Write(raw)
	})
}
