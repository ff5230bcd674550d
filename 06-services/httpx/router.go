package httpx

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"
)

// NewRouter returns a router that says no as the rest of the shop does: 404 for an unknown path, 405 for an unknown method of a
// known one, with the methods that it has (Allow, RFC 9110, section 15.5.6). Paths are taken as they come: "/a//b" is unknown,
// and not redirected to "/a/b".
func NewRouter() *mux.Router {
	router := mux.NewRouter().SkipClean(true)
	router.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		Fail(w, http.StatusNotFound, "there is nothing at this path")
	})
	router.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", strings.Join(allowed(router, r), ", "))
		Fail(w, http.StatusMethodNotAllowed, "this path doesn't know the method")
	})
	return router
}

func allowed(router *mux.Router, r *http.Request) (methods []string) {
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		other := r.Clone(r.Context())
		other.Method = method
		var match mux.RouteMatch
		if router.Match(other, &match) && match.MatchErr == nil {
			methods = append(methods, method)
		}
	}
	return methods
}
