package gateway

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/auth"
	"warren.example/06-services/httpx"
)

// FuzzRoutes sends what anybody may send, to services that answer as they like. There is always an answer, errors are problems
// (RFC 6749's at /token aside), no handler panics, and nothing of what services say in their distress gets out.
func FuzzRoutes(f *testing.F) {
	for _, route := range (&gateway{}).routes() {
		f.Add(route.method, example(route), `{"a":1}`, "Accept: */*")
	}
	f.Add("GET", "/products?after=%00", "", "")
	f.Add("GET", "/orders/../sagas", "", "X-Forwarded-For: 1.2.3.4")
	f.Add("GET", "/products/%2e%2e%2fkeys", "", "Connection: upgrade")
	f.Add("GET", "/orders/o1%00/parcel", "\x00", "Upgrade: websocket")
	f.Add("OPTIONS", "*", "", "Shop-Deadline: -1")
	f.Add("CONNECT", "order:80", "", "Transfer-Encoding: chunked")
	f.Add("GET", "http://order/sagas", "", "Host: order")
	f.Add("GET", "//evil.example/%2f..", "", "Shop-Deadline: 0")
	f.Add("PUT", "/products/mug?a=%zz;b", "{", "Content-Length: 99999999")
	f.Add("BREW", "/orders", "", "Idempotency-Key: \xff")

	s := newShop(f)
	for _, name := range Definition.Calls {
		s.let(name, moody(name))
	}
	token := s.token(f, auth.Customer{ID: "c1", Admin: true})
	f.Fuzz(func(t *testing.T, method, target, body, header string) {
		raw := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: shop\r\nAuthorization: %s\r\nContent-Length: %d\r\n%s\r\n\r\n%s",
			method, target, token, len(body), header, body)
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			return // net/http answers that with 400
		}
		r.RemoteAddr = "192.0.2.1:1"
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)

		require.Zero(t, s.count("http.panic"), "a handler panicked")
		require.GreaterOrEqual(t, w.Code, 200)
		require.NotContains(t, w.Body.String(), distress)
		require.NotContains(t, fmt.Sprint(w.Header()), distress)
		if w.Code < 400 {
			return
		}
		kind := w.Header().Get("Content-Type")
		if r.URL.Path == "/token" && kind == "application/json" {
			return
		}
		require.Equal(t, "application/problem+json", kind, "%d %s", w.Code, w.Body)
		var p httpx.Problem
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
		require.Equal(t, w.Code, p.Status)
	})
}

const distress = "goroutine 1 [running]"

// moody answers as it likes, but the same to the same request.
func moody(name string) http.HandlerFunc {
	well := usual(name)
	return func(w http.ResponseWriter, r *http.Request) {
		sum := fnv.New32()
		_, _ = io.WriteString(sum, r.Method+r.URL.String())
		w.Header().Set("X-Internal", distress)
		switch sum.Sum32() % 8 {
		case 0:
			http.Error(w, distress, http.StatusInternalServerError)
		case 1:
			http.Redirect(w, r, "http://"+distress, http.StatusFound)
		case 2:
			w.Header().Set("Content-Type", "text/html")
			http.Error(w, distress, http.StatusBadRequest)
		case 3:
			w.WriteHeader(http.StatusOK)
		default:
			well(w, r)
		}
	}
}
