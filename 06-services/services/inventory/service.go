// Package inventory keeps the stock: how many of each product can be ordered, and which goods are kept for which order. Nothing
// is sold twice, and nothing vanishes.
//
//   - reservation.go: what each command does to an order's goods, in one table
//   - handlers.go: the commands, one function each
//   - http.go, grpc.go: what others ask directly
//   - store.go: the tables
package inventory

import (
	"context"
	"embed"

	"google.golang.org/grpc"

	"warren.example/06-services/api/inventorypb"
	"warren.example/06-services/service"
	"warren.example/06-services/store"
)

//go:embed migrations
var migrations embed.FS

// Definition is the inventory. One worker with large groups: they are committed together, and two transactions that each lock
// many products in different orders would have to wait for each other on PostgreSQL, and one of them would be given up. So it
// is with several instances: then their groups are done again, message by message.
var Definition = service.Definition{
	Name:    "inventory",
	About:   "how many of a product can be ordered, and what is kept for whom",
	Workers: 1,
	Store:   &store.Migrations{Name: "inventory", FS: migrations},
	New:     New,
}

// New returns the inventory.
func New(_ context.Context, env *service.Env) (*service.Service, error) {
	return &service.Service{
		HTTP: routes(env),
		GRPC: func(r grpc.ServiceRegistrar) {
			inventorypb.RegisterInventoryServer(r, &server{db: env.DB, log: env.Log})
		},
		Commands: (&handlers{env: env}).commands(),
	}, nil
}
