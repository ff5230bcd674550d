// Package catalog says what the shop sells and at what price.
//
// It is built in vertical slices: each file is one thing that the service does, from the request to the SQL. Who wants to know
// how a product is changed reads change.go, and no layers. What slices share is product.go and the cache.
//
//	list.go    GET /products
//	get.go     GET /products/{sku}
//	change.go  PUT and DELETE /products/{sku}, for administrators
//	prices.go  gRPC GetProducts: what order asks before it takes an order; cached
//	stock.go   stock.level: whether a product can be had
//	samples.go what a new shop sells
package catalog

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"net/http"

	"google.golang.org/grpc"

	"warren.example/06-services/api/catalogpb"
	"warren.example/06-services/events"
	"warren.example/06-services/httpx"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/service"
	"warren.example/06-services/store"
)

//go:embed migrations
var migrations embed.FS

// Definition is the catalog service.
var Definition = service.Definition{
	Name:       "catalog",
	About:      "products and prices",
	Hears:      []string{"stock.level"},
	Broadcasts: []string{"product.price-changed"}, // its own: each instance drops from its cache what another has changed
	Store:      &store.Migrations{Name: "catalog", FS: migrations},
	New:        New,
}

// catalog is what all slices work with.
type catalog struct {
	catalogpb.UnimplementedCatalogServer
	db      *store.DB
	box     *outbox.Box
	cache   Cache
	log     *slog.Logger
	observe func(name string, value float64, labels ...string)
}

// New makes the service. It caches in Redis if the configuration has one, else in the process.
func New(ctx context.Context, env *service.Env) (*service.Service, error) {
	cache := NewMemory(cacheSize, cacheLife, env.Now)
	if url := env.Config.RedisURL; url != "" {
		var err error
		if cache, err = NewRedis(url, cacheLife); err != nil {
			return nil, err
		}
	}
	c := &catalog{db: env.DB, box: env.Box, cache: cache, log: env.Log, observe: env.Observe}
	if env.Config.Samples {
		if err := c.insertSamples(ctx); err != nil {
			return nil, fmt.Errorf("insert sample products: %w", err)
		}
	}
	r := httpx.NewRouter()
	r.HandleFunc("/products", c.list).Methods(http.MethodGet)
	r.HandleFunc("/products/{sku}", c.get).Methods(http.MethodGet)
	r.Handle("/products/{sku}", env.Verifier.RequireAdmin(http.HandlerFunc(c.put))).Methods(http.MethodPut)
	r.Handle("/products/{sku}", env.Verifier.RequireAdmin(http.HandlerFunc(c.delete))).Methods(http.MethodDelete)

	heard := make(inbox.Handlers)
	inbox.On(heard, c.stockLevel)
	return &service.Service{
		HTTP:   r,
		GRPC:   func(r grpc.ServiceRegistrar) { catalogpb.RegisterCatalogServer(r, c) },
		Events: heard,
		Broadcast: map[string]func(context.Context, events.Message) error{
			"product.price-changed": c.priceChanged,
		},
		Missed: c.missed,
		Close:  cache.Close,
	}, nil
}

// broken answers what isn't the caller's fault: it is logged, and not told.
func (c *catalog) broken(w http.ResponseWriter, r *http.Request, err error) {
	c.log.Error("request failed", "path", r.URL.Path, "error", err)
	httpx.Fail(w, http.StatusInternalServerError, "")
}
