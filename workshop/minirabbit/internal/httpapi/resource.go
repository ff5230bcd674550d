package httpapi

import (
	"net/http"
	"strings"

	"warren.example/workshop/minirabbit/internal/broker"
)

// A request is an HTTP request of a user who may make it.
type request struct {
	*http.Request
	user broker.User
}

// An endpoint answers a request. It returns what to send as JSON, nil for no content, or a refusal.
type endpoint func(h *Handler, r request) (any, error)

// A resource is what is found at a path: who may use it, and how. RabbitMQ knows the methods in also, too; this package
// doesn't.
type resource struct {
	needs            level
	get, put, remove endpoint
	also             string // "POST DELETE"
}

// created is the answer to a PUT of something new.
type created struct{}

// serve makes a handler of a resource: method, user, answer, in RabbitMQ's order.
func (h *Handler) serve(res resource) http.Handler {
	ends := map[string]endpoint{}
	var allowed []string
	for _, m := range []struct {
		name string
		end  endpoint
	}{
		{http.MethodHead, res.get}, {http.MethodGet, res.get}, {http.MethodPut, res.put}, {http.MethodDelete, res.remove},
	} {
		if m.end != nil {
			ends[m.name] = m.end
			allowed = append(allowed, m.name)
		}
	}
	for _, name := range strings.Fields(res.also) {
		ends[name] = notImplemented
		allowed = append(allowed, name)
	}
	allow := strings.Join(append(allowed, http.MethodOptions), ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		end := ends[r.Method]
		if end == nil {
			w.Header().Set("Allow", allow)
			if r.Method != http.MethodOptions {
				w.WriteHeader(http.StatusMethodNotAllowed)
			}
			return
		}
		user, err := h.authorize(r, res.needs)
		if err != nil {
			refuse(w, err)
			return
		}
		if r.URL.Query().Has("page") {
			refuse(w, missing("paging (?page=)"))
			return
		}
		what, err := end(h, request{r, user})
		switch {
		case err != nil:
			refuse(w, err)
		case what == created{}:
			w.WriteHeader(http.StatusCreated)
		case what == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			answer(w, http.StatusOK, what)
		}
	})
}

func notImplemented(_ *Handler, r request) (any, error) {
	return nil, missing(r.Method + " " + r.URL.Path)
}
