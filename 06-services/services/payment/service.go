// Package payment takes the money for orders and gives it back, by way of a payment provider. There is one payment per order
// and one payout per refund, whatever is asked twice, lost, or dies in between.
//
//   - payment.go, refund.go: what each command does, in tables
//   - handlers.go, refunds.go: the commands, and the two transactions that each has
//   - client.go: how the provider is asked
//   - http.go: what administrators ask
//   - store.go: the tables
package payment

import (
	"context"
	"embed"
	"time"

	"warren.example/06-services/service"
	"warren.example/06-services/store"
)

//go:embed migrations
var migrations embed.FS

// Definition is the payment service. Its commands wait for somebody else: so there are many workers, with one message each. A
// charge that hangs holds up nobody else's.
var Definition = service.Definition{
	Name:    "payment",
	About:   "takes the money for orders and gives it back",
	Calls:   []string{"provider"},
	Workers: 16,
	Group:   1,
	Store:   &store.Migrations{Name: "payment", FS: migrations},
	New:     New,
}

// limit is how long the provider may take for an answer. Then the bus asks again later, and the order service gives up before
// long: it asks for a void.
const limit = 2 * time.Second

// New returns the payment service.
func New(_ context.Context, env *service.Env) (*service.Service, error) {
	return start(env, limit)
}

func start(env *service.Env, limit time.Duration) (*service.Service, error) {
	url := env.Config.Provider
	if url == "" {
		url = "http://provider" // simulated: a service of the shop
	}
	h := &handlers{env: env, provider: newClient(env.HTTP, url, limit)}
	return &service.Service{HTTP: routes(env), Commands: h.commands()}, nil
}
