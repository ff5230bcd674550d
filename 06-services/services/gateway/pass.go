package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"warren.example/06-services/auth"
	"warren.example/06-services/failpoint"
	"warren.example/06-services/httpx"
)

// Which headers go on, and which come back. All others end here: those of the connection (RFC 9110, section 7.6.1), cookies,
// and what services say to each other.
var (
	passedOn = []string{"Accept", "Content-Type", "If-None-Match"}
	returned = []string{"Content-Type", "Location", "Etag", "Cache-Control", "Retry-After", "Www-Authenticate"}
)

// pass returns a handler that lets a service answer, at the same path. The service gets the token if the gateway has checked
// it, and the Idempotency-Key if it is order.
func (g *gateway) pass(service string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := httpx.Body(w, r)
		if !ok {
			return
		}
		query, ok := query(w, r)
		if !ok {
			return
		}
		q := question{service: service, method: r.Method, path: r.URL.Path, query: query, header: g.header(r), body: body}
		for _, name := range passedOn {
			if v := r.Header.Get(name); v != "" {
				q.header.Set(name, v)
			}
		}
		if _, checked := auth.From(r.Context()); checked {
			q.header.Set("Authorization", r.Header.Get("Authorization"))
		}
		if key := r.Header.Get("Idempotency-Key"); key != "" && service == "order" {
			q.header.Set("Idempotency-Key", key)
		}
		g.answer(w, r, q)
	}
}

// query returns what stands behind the "?". What is no text is answered with 400: PostgreSQL takes neither U+0000 nor bytes
// that are no UTF-8, and a service would fail.
func query(w http.ResponseWriter, r *http.Request) (query url.Values, ok bool) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	text, unescapeErr := url.QueryUnescape(r.URL.RawQuery)
	if err != nil || unescapeErr != nil || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		httpx.Fail(w, http.StatusBadRequest, "the query can't be read")
		return nil, false
	}
	return query, true
}

// header is what each question of the gateway has.
func (g *gateway) header(r *http.Request) http.Header {
	return http.Header{"User-Agent": {"shop-gateway"}, "X-Forwarded-For": {g.address(r)}}
}

// answer asks q and hands the answer on.
func (g *gateway) answer(w http.ResponseWriter, r *http.Request, q question) {
	a, err := g.upstream.ask(r.Context(), g.upstream.wait, q)
	if err != nil {
		g.fail(w, r, err)
		return
	}
	failpoint.Reach("gateway.answered")
	g.write(w, r, q.service, a)
}

// write hands on what a service says to its askers: success, and what they did wrong. What is wrong with the service is for the
// log: its text may name tables and addresses.
func (g *gateway) write(w http.ResponseWriter, r *http.Request, service string, a answer) {
	for _, name := range returned {
		if v := a.header.Get(name); v != "" && (name != "Location" || local(v)) {
			w.Header().Set(name, v)
		}
	}
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	json := kind == "application/json" || kind == "application/problem+json"
	switch {
	case a.status >= 200 && a.status < 300, a.status == http.StatusNotModified, a.status >= 400 && a.status < 500 && json:
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body) // who asked has gone if this fails
	case a.status >= 400 && a.status < 500:
		httpx.Fail(w, a.status, "")
	case a.status == http.StatusServiceUnavailable:
		httpx.Fail(w, a.status, "not at the moment: try again")
	case a.status == http.StatusGatewayTimeout:
		httpx.Fail(w, a.status, "this takes too long: try again")
	default:
		g.log.ErrorContext(r.Context(), "a service failed", "service", service, "path", r.URL.Path, "status", a.status,
			"request", httpx.RequestID(r.Context()))
		httpx.Fail(w, http.StatusBadGateway, "something went wrong behind the gateway")
	}
}

// local tells whether a Location stays at the gateway. Another would name a service, or lead customers away.
func local(location string) bool {
	return strings.HasPrefix(location, "/") && !strings.HasPrefix(location, "//") && !strings.Contains(location, `\`)
}

// fail answers for a service that doesn't.
func (g *gateway) fail(w http.ResponseWriter, r *http.Request, err error) {
	log := g.log.With("path", r.URL.Path, "request", httpx.RequestID(r.Context()), "error", err)
	switch {
	case errors.Is(err, context.Canceled):
		log.DebugContext(r.Context(), "the customer has gone")
		httpx.Fail(w, http.StatusServiceUnavailable, "") // nobody reads it, but the access log should show no success
	case errors.Is(err, errUnreachable):
		log.WarnContext(r.Context(), "a service can't be reached")
		w.Header().Set("Retry-After", "1")
		httpx.Fail(w, http.StatusServiceUnavailable, "not at the moment: try again")
	case errors.Is(err, errSlow), errors.Is(err, context.DeadlineExceeded):
		log.WarnContext(r.Context(), "a service is slow")
		httpx.Fail(w, http.StatusGatewayTimeout, "this takes too long: try again")
	default:
		log.ErrorContext(r.Context(), "a service gives no proper answer")
		httpx.Fail(w, http.StatusBadGateway, "something went wrong behind the gateway")
	}
}
