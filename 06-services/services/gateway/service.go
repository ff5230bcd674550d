// Package gateway is the only service that customers see. It checks who asks and how often, passes questions on to the services
// that know the answers, and tells nothing of what goes wrong behind it. It keeps nothing.
package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"warren.example/06-services/api/catalogpb"
	"warren.example/06-services/auth"
	"warren.example/06-services/httpx"
	"warren.example/06-services/service"
)

// Definition is what is known of the gateway before it runs.
var Definition = service.Definition{
	Name:  "gateway",
	About: "what customers see of the shop: checks tokens and limits, asks the others",
	Calls: []string{"user", "catalog", "inventory", "order", "payment", "shipping", "notification"},
	New:   New,
}

// routes are all that customers can ask. What comes to pass is answered by that service, at the same path.
func (g *gateway) routes() []route {
	return []route{
		{anybody, 10, "POST", "/users", g.pass("user")}, // 10: passwords are slow to hash and tempting to guess
		{anybody, 10, "POST", "/token", g.pass("user")},
		{anybody, 1, "GET", "/keys", g.pass("user")},
		{customer, 1, "GET", "/users/me", g.pass("user")},
		{customer, 1, "PUT", "/users/me", g.pass("user")},
		{customer, 1, "GET", "/users/me/deliveries", g.deliveries},

		{anybody, 1, "GET", "/products", g.pass("catalog")},
		{anybody, 1, "GET", "/products/{sku}", g.pass("catalog")},
		{admin, 1, "PUT", "/products/{sku}", g.pass("catalog")},
		{admin, 1, "DELETE", "/products/{sku}", g.pass("catalog")},
		{admin, 1, "PUT", "/stock/{sku}", g.pass("inventory")},

		{customer, 1, "POST", "/orders", g.pass("order")},
		{customer, 1, "GET", "/orders", g.pass("order")},
		{customer, 1, "GET", "/orders/{id}", g.pass("order")},
		{customer, 1, "GET", "/orders/{id}/events", g.pass("order")},
		{customer, 1, "POST", "/orders/{id}/cancel", g.pass("order")},
		{customer, 1, "POST", "/orders/{id}/refund", g.pass("order")},
		{customer, 1, "GET", "/orders/{id}/parcel", g.parcel},
		{customer, 4, "GET", "/orders/{id}/overview", g.overview}, // 4: so many are asked
		{admin, 1, "GET", "/sagas", g.pass("order")},
		{admin, 1, "POST", "/sagas/{order}/resume", g.pass("order")},

		{admin, 1, "GET", "/payments/{order}", g.pass("payment")},
		{admin, 1, "POST", "/news", g.pass("notification")},

		{anybody, 1, "GET", "/openapi.yaml", openAPI},
	}
}

// A route is one line of what customers can ask.
type route struct {
	who    who
	cost   int // how many requests it counts as: see limiter
	method string
	path   string
	do     http.HandlerFunc
}

// who may ask.
type who int

const (
	anybody  who = iota
	customer     // with a token
	admin        // with a token that says so
)

type gateway struct {
	log      *slog.Logger
	observe  func(name string, value float64, labels ...string)
	verifier *auth.Verifier
	upstream *upstream
	catalog  catalogpb.CatalogClient

	byAddress, byCustomer *limiter
	proxies               int           // how many trusted proxies are in front
	partWait              time.Duration // for each part of an overview
}

// New makes the gateway.
func New(_ context.Context, env *service.Env) (*service.Service, error) {
	catalog, err := env.Dial("catalog")
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	c := env.Config.Gateway
	g := &gateway{
		log:      env.Log,
		observe:  env.Observe,
		verifier: env.Verifier,
		upstream: newUpstream(env.HTTP, c.Wait, env.Observe),
		catalog:  catalogpb.NewCatalogClient(catalog),
		// Many customers may share an address: an office, a village.
		byAddress:  newLimiter(10*c.Rate, 10*c.Burst, env.Now),
		byCustomer: newLimiter(c.Rate, c.Burst, env.Now),
		proxies:    c.Proxies,
		partWait:   c.Wait / 5,
	}
	return &service.Service{HTTP: g.handler()}, nil
}

// handler puts the checks before each route: first the address' limit, then the token, then the customer's limit. Nobody else
// is asked until all of them are passed; only the verifier may fetch the user service's keys.
func (g *gateway) handler() http.Handler {
	router := httpx.NewRouter()
	for _, route := range g.routes() {
		do := http.Handler(route.do)
		switch route.who {
		case customer:
			do = g.verifier.Require(g.limit(g.byCustomer, route.cost, customerOf, do))
		case admin:
			do = g.verifier.RequireAdmin(g.limit(g.byCustomer, route.cost, customerOf, do))
		}
		router.Handle(pattern(route.path), g.limit(g.byAddress, route.cost, g.network, do)).Methods(route.method)
	}
	return router
}

// pattern lets only names stand for {…}: nothing that means something in another service's path, such as "..", "/" or "?".
func pattern(path string) string {
	return strings.ReplaceAll(path, "}", ":[0-9A-Za-z][0-9A-Za-z._-]{0,63}}")
}
