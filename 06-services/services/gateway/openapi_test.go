package gateway

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"

	"warren.example/06-services/api"
	"warren.example/06-services/auth"
	"warren.example/06-services/httpx"
)

func description(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	require.NoError(t, doc.Validate(context.Background()))
	return doc
}

// describedAs fails unless an answer of the gateway is one that openapi.yaml has for the request.
func describedAs(t testing.TB, router routers.Router, method, target string, w *httptest.ResponseRecorder) {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	route, params, err := router.FindRoute(r)
	require.NoError(t, err, "%s %s", method, target)
	options := &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	require.NoError(t, openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
			Options: options},
		Status: w.Code, Header: w.Header(), Body: io.NopCloser(strings.NewReader(w.Body.String())), Options: options,
	}), "%s %s: %d %s", method, target, w.Code, w.Body)
}

// example is a path of a route.
func example(r route) string {
	return strings.NewReplacer("{sku}", "mug", "{id}", "o1", "{order}", "o1").Replace(r.path)
}

func TestOpenAPIHasExactlyTheRoutes(t *testing.T) {
	doc := description(t)
	described := map[string]bool{} // true: wants a token
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			described[method+" "+path] = operation.Security != nil
		}
	}
	served := map[string]bool{}
	for _, route := range (&gateway{}).routes() {
		served[route.method+" "+route.path] = route.who != anybody
	}
	require.Equal(t, served, described)
}

// TestEveryRouteAnswersAsDescribed asks every route: with a good token, without, with a customer's for an administrator's, and
// with every service failing.
func TestEveryRouteAnswersAsDescribed(t *testing.T) {
	router, err := gorillamux.NewRouter(description(t))
	require.NoError(t, err)
	s, broken := newShop(t), newShop(t)
	for _, name := range Definition.Calls {
		broken.let(name, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "panic: at /src/x.go:12", 500) })
	}
	adminToken := s.token(t, auth.Customer{ID: "boss", Admin: true})
	for _, route := range (&gateway{}).routes() {
		target := example(route)
		body := ""
		if route.method == "POST" || route.method == "PUT" {
			body = "{}"
		}
		w := s.do(route.method, target, body, "Authorization", adminToken)
		require.Less(t, w.Code, 300, "%s %s: %s", route.method, target, w.Body)
		describedAs(t, router, route.method, target, w)

		w = s.do(route.method, target, body)
		describedAs(t, router, route.method, target, w)
		if route.who != anybody {
			require.Equal(t, http.StatusUnauthorized, w.Code, "%s %s", route.method, target)
		}
		w = s.do(route.method, target, body, "Authorization", s.token(t, auth.Customer{ID: "c1"}))
		describedAs(t, router, route.method, target, w)
		if route.who == admin {
			require.Equal(t, http.StatusForbidden, w.Code, "%s %s", route.method, target)
		}
		w = broken.do(route.method, target, body, "Authorization", broken.token(t, auth.Customer{ID: "boss", Admin: true}))
		describedAs(t, router, route.method, target, w)
		if route.path != "/openapi.yaml" {
			require.Equal(t, http.StatusBadGateway, w.Code, "%s %s", route.method, target)
		}
		require.NotContains(t, w.Body.String(), "/src")
	}
}

// TestTheTokenGoesWhereItIsChecked: nobody else may hold it, and play the customer.
func TestTheTokenGoesWhereItIsChecked(t *testing.T) {
	holders := map[string][]string{ // by route: who gets the token
		"GET /orders/{id}/parcel":   {"order"},
		"GET /orders/{id}/overview": {"order"},
		"GET /users/me/deliveries":  nil,
	}
	for _, route := range (&gateway{}).routes() {
		s := newShop(t)
		target := example(route)
		w := s.do(route.method, target, "", "Authorization", s.token(t, auth.Customer{ID: "c1", Admin: route.who == admin}),
			"Idempotency-Key", "k", "Cookie", "c=1", "X-Forwarded-For", "6.6.6.6", "Forwarded", "for=6.6.6.6", "Te", "trailers",
			"Connection", "X-Secret", "X-Secret", "1", "Shop-Admin", "true", "Proxy-Authorization", "Basic eA==")
		require.Less(t, w.Code, 300)
		wanted, special := holders[route.method+" "+route.path]
		var got []string
		for _, asked := range s.requests("") {
			if asked.header.Get("Authorization") != "" {
				got = append(got, asked.service)
			}
			require.Equal(t, asked.service == "order" && route.path != "/orders/{id}/parcel" &&
				route.path != "/orders/{id}/overview", asked.header.Get("Idempotency-Key") == "k", route.path)
			require.Equal(t, []string{"192.0.2.1"}, asked.header.Values("X-Forwarded-For"))
			require.NotEmpty(t, asked.header.Get(httpx.DeadlineHeader))
			for _, name := range []string{"Cookie", "Forwarded", "Te", "X-Secret", "Shop-Admin", "Proxy-Authorization"} {
				require.Empty(t, asked.header.Values(name), name)
			}
		}
		if special {
			require.Equal(t, wanted, got, route.path)
		} else if route.who != anybody {
			require.Len(t, got, len(s.requests("")), route.path)
		} else {
			require.Empty(t, got, route.path)
		}
	}
}

func TestQueriesArePassedOnAndMendedWhereTheyLie(t *testing.T) {
	s := newShop(t)
	s.do("GET", "/products?category=kitchen&limit=2&after=a%26b", "")
	require.Equal(t, "after=a%26b&category=kitchen&limit=2", s.requests("catalog")[0].query)
	s.do("GET", "/users/me/deliveries?user=c2&user=c3&limit=5", "", "Authorization", s.token(t, auth.Customer{ID: "c1"}))
	require.Equal(t, "limit=5&user=c1", s.requests("notification")[0].query)
	for _, query := range []string{"category=%00", "category=%ff", "category=%zz", "a;b"} {
		w := s.do("GET", "/products?"+query, "")
		require.Equal(t, 400, w.Code, query)
		problemOf(t, w)
	}
	require.Len(t, s.requests("catalog"), 1)
}
