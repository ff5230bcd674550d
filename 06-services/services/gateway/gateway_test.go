package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/auth"
	"warren.example/06-services/config"
	"warren.example/06-services/httpx"
)

var ann = auth.Customer{ID: "c1"}

func problemOf(t testing.TB, w interface{ Result() *http.Response }) httpx.Problem {
	t.Helper()
	result := w.Result()
	require.Equal(t, "application/problem+json", result.Header.Get("Content-Type"))
	var p httpx.Problem
	require.NoError(t, json.NewDecoder(result.Body).Decode(&p))
	require.Equal(t, result.StatusCode, p.Status)
	return p
}

func TestWithoutATokenNobodyIsAsked(t *testing.T) {
	s := newShop(t)
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer a.b.c", "Basic eDp5", s.token(t, ann) + "x"} {
		w := s.do("POST", "/orders", `{}`, "Authorization", header)
		require.Equal(t, 401, w.Code, header)
		require.NotEmpty(t, w.Header().Get("WWW-Authenticate"))
		problemOf(t, w)
	}
	require.Empty(t, s.requests(""))
}

func TestABodyOverTheLimitIsRefusedBeforeAnybodyIsAsked(t *testing.T) {
	s := newShop(t)
	w := s.do("POST", "/orders", strings.Repeat("x", httpx.MaxBody+1), "Authorization", s.token(t, ann))
	require.Equal(t, 413, w.Code)
	problemOf(t, w)
	require.Empty(t, s.requests(""))
	w = s.do("POST", "/orders", strings.Repeat("x", httpx.MaxBody), "Authorization", s.token(t, ann))
	require.Equal(t, 202, w.Code)
	require.Len(t, s.requests("order")[0].body, httpx.MaxBody)
}

func TestWhatServicesSay(t *testing.T) {
	say := func(status int, kind, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			for n := 0; n < len(header); n += 2 {
				w.Header().Set(header[n], header[n+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	const conflict = `{"title":"Conflict","status":409}`
	const problem, secret = "application/problem+json", "goroutine 1 [running]: postgres://shop:secret@db"
	for name, c := range map[string]struct {
		answer   http.HandlerFunc
		status   int
		body     string // or "": a problem of the gateway's own
		location string
	}{
		"fine":                     {say(202, "application/json", accepted, "Location", "/orders/o1"), 202, accepted, "/orders/o1"},
		"a location elsewhere":     {say(202, "application/json", accepted, "Location", "http://order:80/x"), 202, accepted, ""},
		"a location with no host":  {say(202, "application/json", accepted, "Location", "//evil.example"), 202, accepted, ""},
		"a problem of the asker's": {say(409, problem, conflict), 409, conflict, ""},
		"text for 404":             {say(404, "text/plain", secret), 404, "", ""},
		"a stack trace":            {say(500, "text/plain", secret), 502, "", ""},
		"a problem of its own":     {say(500, problem, `{"title":"`+secret+`","status":500}`), 502, "", ""},
		"not now":                  {say(503, problem, `{"title":"`+secret+`","status":503}`, "Retry-After", "7"), 503, "", ""},
		"too late":                 {say(504, problem, `{}`), 504, "", ""},
		"go elsewhere":             {say(302, "text/html", secret, "Location", "http://evil.example"), 502, "", ""},
		"too much":                 {say(200, "application/json", strings.Repeat(" ", maxAnswer+1)), 502, "", ""},
		"breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, secret)
		}, 502, "", ""},
		"hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			s.let("order", c.answer)
			w := s.do("POST", "/orders", `{}`, "Authorization", s.token(t, ann))
			require.Equal(t, c.status, w.Code, w.Body)
			require.Equal(t, c.location, w.Header().Get("Location"))
			require.NotContains(t, w.Body.String(), "secret")
			if c.body != "" {
				require.Equal(t, c.body, w.Body.String())
			} else {
				problemOf(t, w)
			}
			if name == "not now" {
				require.Equal(t, "7", w.Header().Get("Retry-After"))
			}
		})
	}
}

func TestAServiceThatIsGone(t *testing.T) {
	s := newShop(t)
	s.lose(t, "order", "http")
	w := s.do("GET", "/orders", "", "Authorization", s.token(t, ann))
	require.Equal(t, 503, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.NotContains(t, w.Body.String(), "127.0.0.1")
	problemOf(t, w)
	require.Equal(t, 1, s.count("upstream.failed"))
}

func TestASlowService(t *testing.T) {
	s := newShop(t, func(c *config.Gateway) { c.Wait = 50 * time.Millisecond })
	gone := make(chan struct{})
	s.let("order", func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done() // the gateway hangs up
		close(gone)
	})
	w := s.do("GET", "/orders", "", "Authorization", s.token(t, ann))
	require.Equal(t, 504, w.Code)
	problemOf(t, w)
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Fatal("the service was left waiting")
	}
	left, err := strconv.Atoi(s.requests("order")[0].header.Get(httpx.DeadlineHeader))
	require.NoError(t, err)
	require.Positive(t, left)
	require.LessOrEqual(t, left, 50)
}

func TestTheBreakerOpensAndCloses(t *testing.T) {
	s := newShop(t)
	dead := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	s.let("order", dead)
	for range trip {
		require.Equal(t, 502, s.do("POST", "/orders", "{}", "Authorization", s.token(t, ann)).Code)
	}
	asked := len(s.requests("order"))
	s.let("order", nil)
	w := s.do("POST", "/orders", "{}", "Authorization", s.token(t, ann))
	require.Equal(t, 503, w.Code)
	problemOf(t, w)
	require.Len(t, s.requests("order"), asked, "nobody asks a service whose breaker is open")
	require.Equal(t, 1, s.count("breaker.open"))
	require.Equal(t, 200, s.do("GET", "/products", "").Code, "each service has its own")
	require.Eventually(t, func() bool {
		return s.do("POST", "/orders", "{}", "Authorization", s.token(t, ann)).Code == 202
	}, 10*time.Second, 50*time.Millisecond)
	require.Equal(t, 1, s.count("breaker.closed"))
}

// TestImpatientAskersOpenNoBreaker: else one customer could shut the shop for all, with a header.
func TestImpatientAskersOpenNoBreaker(t *testing.T) {
	s := newShop(t)
	s.let("order", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for range 2 * trip {
		w := s.do("GET", "/orders", "", "Authorization", s.token(t, ann), httpx.DeadlineHeader, "1")
		require.Equal(t, 504, w.Code, w.Body)
	}
	s.let("order", nil)
	require.Equal(t, 200, s.do("GET", "/orders", "", "Authorization", s.token(t, ann)).Code)
	require.Zero(t, s.count("breaker.open"))
}

func TestOverview(t *testing.T) {
	s := newShop(t)
	w := s.do("GET", "/orders/o1/overview", "", "Authorization", s.token(t, ann))
	require.Equal(t, 200, w.Code, w.Body)
	require.JSONEq(t, `{"order":`+someOrder+`,"titles":{"mug":"title of mug"},"parcel":`+someParcel+
		`,"deliveries":`+someNews+`,"missing":[]}`, w.Body.String())
	require.Equal(t, "order=o1&user=c1", s.requests("notification")[0].query)

	s.let("shipping", func(w http.ResponseWriter, _ *http.Request) { httpx.Fail(w, 404, "not yet") })
	w = s.do("GET", "/orders/o1/overview", "", "Authorization", s.token(t, auth.Customer{ID: "boss", Admin: true}))
	require.Contains(t, w.Body.String(), `"parcel":null`)
	require.Contains(t, w.Body.String(), `"missing":[]`, "a parcel that isn't there yet isn't missing")
	require.Equal(t, "order=o1&user=c1", s.requests("notification")[1].query, "an administrator sees what the customer was told")
}

// TestOverviewWaitsForNobody: each part is asked while the others are stuck, and what is stuck is left out.
func TestOverviewWaitsForNobody(t *testing.T) {
	s := newShop(t, func(c *config.Gateway) { c.Wait = 2 * time.Second })
	var both sync.WaitGroup // each of two services answers no sooner than the other was asked
	both.Add(2)
	stuck := func(_ http.ResponseWriter, r *http.Request) {
		both.Done()
		both.Wait()
		<-r.Context().Done()
	}
	s.let("shipping", stuck)
	s.let("notification", stuck)
	w := s.do("GET", "/orders/o1/overview", "", "Authorization", s.token(t, ann))
	require.Equal(t, 200, w.Code, w.Body)
	require.JSONEq(t, `{"order":`+someOrder+`,"titles":{"mug":"title of mug"},"parcel":null,"deliveries":null,`+
		`"missing":["parcel","deliveries"]}`, w.Body.String())
	both.Wait()
	require.Equal(t, 2, s.count("overview.missing"))
	for _, service := range []string{"shipping", "notification"} {
		left, err := strconv.Atoi(s.requests(service)[0].header.Get(httpx.DeadlineHeader))
		require.NoError(t, err)
		require.LessOrEqual(t, left, 400, "a part has less time than the order")
	}

	s.let("notification", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{half") })
	s.lose(t, "shipping", "http")
	body := afterLosingTheCatalog(t, s)
	require.JSONEq(t, `{"order":`+someOrder+`,"titles":null,"parcel":null,"deliveries":null,`+
		`"missing":["titles","parcel","deliveries"]}`, body)
}

// afterLosingTheCatalog asks until the gateway has seen that its connection is gone.
func afterLosingTheCatalog(t *testing.T, s *fakeShop) (body string) {
	t.Helper()
	s.products.Stop()
	require.Eventually(t, func() bool {
		w := s.do("GET", "/orders/o1/overview", "", "Authorization", s.token(t, ann))
		body = w.Body.String()
		return w.Code == 200 && strings.Contains(body, `"titles":null`)
	}, 10*time.Second, 50*time.Millisecond)
	return body
}

func TestOverviewNeedsTheOrder(t *testing.T) {
	for _, path := range []string{"/orders/o1/overview", "/orders/o1/parcel"} {
		s := newShop(t)
		s.let("order", func(w http.ResponseWriter, _ *http.Request) { httpx.Fail(w, 404, "there is no such order") })
		w := s.do("GET", path, "", "Authorization", s.token(t, ann))
		require.Equal(t, 404, w.Code)
		require.Equal(t, "there is no such order", problemOf(t, w).Detail)
		require.Empty(t, s.requests("shipping"), "of somebody else's order nobody learns more")
		require.Empty(t, s.requests("notification"))
		s.lose(t, "order", "http")
		require.Equal(t, 503, s.do("GET", path, "", "Authorization", s.token(t, ann)).Code)
	}
	s := newShop(t)
	for _, nonsense := range []string{"", "null", "[]", "{", `{"items":5}`} {
		s.let("order", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, nonsense) })
		require.Equal(t, 502, s.do("GET", "/orders/o1/overview", "", "Authorization", s.token(t, ann)).Code, nonsense)
	}
}

func TestLimits(t *testing.T) {
	s := newShop(t, func(c *config.Gateway) { c.Rate, c.Burst = 0.001, 3 })
	for n := range 3 {
		require.Equal(t, 200, s.do("GET", "/users/me", "", "Authorization", s.token(t, ann)).Code, n)
	}
	w := s.do("GET", "/users/me", "", "Authorization", s.token(t, ann))
	require.Equal(t, 429, w.Code)
	problemOf(t, w)
	wait, err := strconv.Atoi(w.Header().Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, wait)
	require.Equal(t, 1, s.count("http.limited"))
	require.Len(t, s.requests("user"), 3)
	bob := auth.Customer{ID: "c2"}
	require.Equal(t, 200, s.do("GET", "/users/me", "", "Authorization", s.token(t, bob)).Code, "another customer")

	// The address has 30, of which 5 are used. A login costs 10; so do forged tokens what they ask for.
	require.Equal(t, 200, s.do("POST", "/token", "{}").Code)
	require.Equal(t, 401, s.do("GET", "/users/me", "", "Authorization", "Bearer x").Code)
	require.Equal(t, 200, s.do("POST", "/token", "{}").Code)
	require.Equal(t, 429, s.do("POST", "/token", "{}").Code)
	require.Equal(t, 200, s.do("GET", "/products", "").Code, "what costs less still goes")
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		proxies   int
		remote    string
		forwarded []string
		address   string
		network   string
	}{
		{0, "192.0.2.1:99", nil, "192.0.2.1", "192.0.2.1"},
		{0, "192.0.2.1:99", []string{"10.0.0.1"}, "192.0.2.1", "192.0.2.1"},
		{1, "192.0.2.1:99", []string{"6.6.6.6, 10.0.0.1"}, "10.0.0.1", "10.0.0.1"},
		{2, "192.0.2.1:99", []string{"6.6.6.6", "10.0.0.1,10.0.0.2"}, "10.0.0.1", "10.0.0.1"},
		{2, "192.0.2.1:99", []string{"10.0.0.1"}, "192.0.2.1", "192.0.2.1"},
		{0, "[2001:db8:1:2:3:4:5:6]:99", nil, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{0, "[fe80::1%eth0]:99", nil, "fe80::1%eth0", "fe80::/64"},
		{0, "[::ffff:192.0.2.1]:99", nil, "::ffff:192.0.2.1", "192.0.2.1"},
		{0, "@", nil, "@", "unknown"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		g := &gateway{proxies: c.proxies}
		require.Equal(t, c.address, g.address(r), c)
		require.Equal(t, c.network, g.network(r), c)
	}
}

func TestTheLimiterForgetsAndRefills(t *testing.T) {
	now := time.Unix(0, 0)
	l := newLimiter(2, 2, func() time.Time { return now })
	require.Zero(t, l.take("a", 5), "all of it")
	require.Equal(t, 500*time.Millisecond, l.take("a", 1))
	now = now.Add(500 * time.Millisecond)
	require.Zero(t, l.take("a", 1))
	require.Positive(t, l.take("a", 1))
	for n := range keys {
		l.take(fmt.Sprint(n), 1)
	}
	require.Equal(t, keys, l.buckets.Len())
	require.Zero(t, l.take("a", 1), "a was forgotten")

	var group sync.WaitGroup
	var mu sync.Mutex
	passed := 0
	for range 20 {
		group.Go(func() {
			if l.take("b", 1) == 0 {
				mu.Lock()
				defer mu.Unlock()
				passed++
			}
		})
	}
	group.Wait()
	require.Equal(t, 2, passed)
}

func TestKindsOfErrors(t *testing.T) {
	s := newShop(t)
	_, err := s.registry.Discover(t.Context(), "nobody", "http")
	require.Error(t, err)
	u := newUpstream(&http.Client{Transport: refusing{err}}, time.Second, func(string, float64, ...string) {})
	_, err = u.ask(t.Context(), u.wait, question{service: "order", method: "GET", path: "/"})
	require.ErrorIs(t, err, errUnreachable)
	u = newUpstream(&http.Client{Transport: refusing{errors.New("x")}}, time.Second, func(string, float64, ...string) {})
	_, err = u.ask(t.Context(), u.wait, question{service: "order", method: "GET", path: "/"})
	require.NotErrorIs(t, err, errUnreachable)
}

type refusing struct{ err error }

func (r refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, r.err }
