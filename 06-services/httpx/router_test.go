package httpx

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRouter(t *testing.T) {
	router := NewRouter()
	fine := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	router.HandleFunc("/a/{id:[0-9]+}", fine).Methods("GET")
	router.HandleFunc("/a/{id:[0-9]+}", fine).Methods("DELETE")
	router.HandleFunc("/b", fine).Methods("POST")
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/a/1", 204, ""},
		{"DELETE", "/a/1", 204, ""},
		{"POST", "/a/1", 405, "GET, DELETE"},
		{"HEAD", "/a/1", 405, "GET, DELETE"},
		{"BREW", "/b", 405, "POST"},
		{"GET", "/a/x", 404, ""},
		{"GET", "/", 404, ""},
		{"GET", "/a//1", 404, ""},
		{"GET", "/b/../a/1", 404, ""},
		{"GET", "//a/1", 404, ""},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, "http://shop"+c.path, nil)
		router.ServeHTTP(w, r)
		require.Equal(t, c.status, w.Code, c)
		require.Equal(t, c.allow, w.Header().Get("Allow"), c)
		if c.status >= 400 {
			problemOf(t, w)
		}
	}
}
