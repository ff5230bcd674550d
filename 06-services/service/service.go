// Package service says what a service of the shop is: what it needs (Env), and what it gives (Service). Package shop runs it.
package service

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"google.golang.org/grpc"

	"warren.example/06-services/auth"
	"warren.example/06-services/config"
	"warren.example/06-services/discovery"
	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/store"
)

// A Definition is what is known of a service before it runs. Queues, bindings and permissions come from it and from package
// events: it obeys the commands whose queue bears its name, and may publish what is From it.
type Definition struct {
	Name       string
	About      string   // one line
	Calls      []string // the services that it asks, by HTTP or gRPC
	Hears      []string // types of events that come to the queue <name>.events
	Broadcasts []string // types of events that each instance hears on a queue of its own, which goes with it
	Workers    int      // how many groups of a queue are handled at once; 0 is 1
	Group      int      // how many messages a group has at most; 0 is 32
	Store      *store.Migrations
	New        func(ctx context.Context, env *Env) (*Service, error)
}

// An Env is what a service is given.
type Env struct {
	Name     string
	Version  string
	Config   config.Config
	DB       *store.DB   // nil if Definition.Store is
	Box      *outbox.Box // nil if Definition.Store is
	Log      *slog.Logger
	Now      func() time.Time
	Registry discovery.Registry
	Verifier *auth.Verifier // of customers' tokens
	// HTTP calls other services: "http://order/orders" finds an instance of order. It has no time limit: the context has.
	HTTP *http.Client
	// Dial returns a connection to a service's gRPC, which is kept and shared.
	Dial func(service string) (*grpc.ClientConn, error)
	// Observe counts what happened or says how much there is: "saga.step", "inbox.hit". Labels are pairs.
	Observe func(name string, value float64, labels ...string)
	// Broker tells whether RabbitMQ takes messages at the moment.
	Broker func() error
}

// A Service is a running service. All fields may be nil.
type Service struct {
	HTTP      http.Handler
	GRPC      func(grpc.ServiceRegistrar)
	Commands  inbox.Handlers // of all command queues of the service
	Events    inbox.Handlers // of Definition.Hears
	Broadcast map[string]func(ctx context.Context, m events.Message) error
	Missed    func() // any number of broadcasts may have been missed
	Jobs      []Job
	Ready     func(ctx context.Context) error // nil if it can do its work
	Close     func() error                    // after all else has ended
}

// A Job runs as long as the service does. Run returns nil when ctx ends; when it returns an error it is called again, after a
// pause.
type Job struct {
	Name string
	Run  func(ctx context.Context) error
}
