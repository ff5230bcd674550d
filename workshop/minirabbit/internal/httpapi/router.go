package httpapi

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A router finds a handler by a path's segments. Unlike http.ServeMux it lets a segment be any text, "%2F" too: that is how
// the most usual virtual host is written.
type router struct {
	routes   []route // those with more words at their beginning first
	notFound http.Handler
}

// A route is a pattern in segments: words, "{name}" for any segment that is not empty, "{name...}" at the end for one or more.
type route struct {
	pattern []string
	handler http.Handler
}

func (rt *router) handle(pattern string, h http.Handler) {
	rt.routes = append(rt.routes, route{strings.Split(pattern, "/")[1:], h})
	slices.SortStableFunc(rt.routes, func(a, b route) int { return slices.CompareFunc(a.pattern, b.pattern, wordsFirst) })
}

func wordsFirst(a, b string) int {
	rank := func(segment string) int {
		switch {
		case strings.HasSuffix(segment, "...}"):
			return 2
		case strings.HasPrefix(segment, "{"):
			return 1
		}
		return 0
	}
	return cmp.Compare(rank(a), rank(b))
}

// ServeHTTP calls the handler of the first route that matches. A slash at the end of a path means nothing, as with RabbitMQ.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	if path != "" {
		path = strings.TrimSuffix(path, "/")
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		text, err := url.PathUnescape(segment)
		if err != nil {
			rt.notFound.ServeHTTP(w, r)
			return
		}
		segments[i] = text
	}
	for _, route := range rt.routes {
		if values, ok := route.match(segments); ok {
			for name, value := range values {
				r.SetPathValue(name, value)
			}
			route.handler.ServeHTTP(w, r)
			return
		}
	}
	rt.notFound.ServeHTTP(w, r)
}

// match returns the values of the pattern's names.
func (r route) match(segments []string) (map[string]string, bool) {
	values := map[string]string{}
	for i, part := range r.pattern {
		if i >= len(segments) {
			return nil, false
		}
		name, isName := strings.CutPrefix(part, "{")
		name = strings.TrimSuffix(name, "}")
		rest, isRest := strings.CutSuffix(name, "...")
		switch {
		case !isName && segments[i] != part, isName && segments[i] == "":
			return nil, false
		case isName && isRest:
			values[rest] = strings.Join(segments[i:], "/")
			return values, true
		case isName:
			values[name] = segments[i]
		}
	}
	return values, len(segments) == len(r.pattern)
}
