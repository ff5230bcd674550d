// Package order sells: it takes orders, and brings each to an end. It shows layers: packages order and saga (and prices) have
// the rules and know nobody, application has the use cases, infrastructure connects them to the world.
package order

import (
	"context"
	"fmt"

	"warren.example/06-services/api/catalogpb"
	"warren.example/06-services/service"
	"warren.example/06-services/services/order/application"
	"warren.example/06-services/services/order/infrastructure"
	"warren.example/06-services/services/order/saga"
)

// Definition is the order service.
var Definition = service.Definition{
	Name:  "order",
	About: "takes orders, and brings each to an end: goods for money, or neither",
	Calls: []string{"catalog"},
	Hears: []string{
		"stock.reserved", "stock.rejected", "stock.released", "stock.committed", "stock.returned",
		"payment.captured", "payment.declined", "payment.voided", "payment.refunded", "payment.refund-failed",
	},
	Store: &infrastructure.Migrations,
	New:   New,
}

// New returns the order service.
func New(_ context.Context, env *service.Env) (*service.Service, error) {
	orders, err := newOrders(env)
	if err != nil {
		return nil, err
	}
	api := &infrastructure.API{Orders: orders, Log: env.Log}
	return &service.Service{
		HTTP:   api.Handler(env.Verifier),
		Events: orders.Handlers(),
		Jobs:   []service.Job{{Name: "deadlines", Run: orders.Deadlines}},
	}, nil
}

func newOrders(env *service.Env) (*application.Orders, error) {
	catalog, err := env.Dial("catalog")
	if err != nil {
		return nil, fmt.Errorf("dial the catalog: %w", err)
	}
	return &application.Orders{
		DB:        env.DB,
		Box:       env.Box,
		Store:     infrastructure.Store{},
		Prices:    infrastructure.Prices(catalogpb.NewCatalogClient(catalog)),
		Limits:    saga.Limits{Reserve: env.Config.Reserve, Charge: env.Config.Charge, Undo: env.Config.Undo},
		OutboxAge: env.Config.OutboxAge,
		Now:       env.Now,
		Broker:    env.Broker,
		Log:       env.Log,
		Observe:   env.Observe,
	}, nil
}
