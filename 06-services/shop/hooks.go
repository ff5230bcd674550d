package shop

import (
	"context"
	"log/slog"
	"net/http"

	"google.golang.org/grpc"

	"warren.example/06-services/events"
	"warren.example/06-services/service"
	"warren.example/06-services/store"
)

// Handle handles a group of messages of one queue: see bus.Consumer.
type Handle func(ctx context.Context, group []events.Message) []error

// Hooks add to services without touching them: metrics, traces, limits. Each may be nil, and the zero value does nothing. Each
// is told the name of the service that it is for.
type Hooks struct {
	// HTTP wraps what a service answers to, /health too.
	HTTP func(service string, next http.Handler) http.Handler
	// GRPCServer and GRPCDial give options to servers and to connections.
	GRPCServer func(service string) []grpc.ServerOption
	GRPCDial   func(service string) []grpc.DialOption
	// Transport wraps the way by which a service calls others by HTTP. Hosts are still the names of services there.
	Transport func(service string, next http.RoundTripper) http.RoundTripper
	// Publish is called for each message when it enters the outbox, in the context of who sends it. It may add headers.
	Publish func(ctx context.Context, service string, m *events.Message)
	// Consume wraps the handling of the groups of a queue.
	Consume func(service, queue string, next Handle) Handle
	// Message is called for each message of a group before it is handled, and end when it is known what became of it. What is
	// done for the message has the context that it returns.
	Message func(ctx context.Context, service string, m events.Message) (inner context.Context, end func(error))
	// OpenDB opens databases in place of sql.Open.
	OpenDB func(service string) store.Opener
	// Log wraps the handler of all logs.
	Log func(next slog.Handler) slog.Handler
	// Observe hears what happened and how much there is: "saga.step", "inbox.hit". Labels are pairs of name and value.
	Observe func(service, name string, value float64, labels ...string)
	// Background has further jobs, which run as long as the service does.
	Background func(env *service.Env) []service.Job
}

func (h Hooks) http(service string, next http.Handler) http.Handler {
	if h.HTTP == nil {
		return next
	}
	return h.HTTP(service, next)
}

func (h Hooks) grpcServer(service string) []grpc.ServerOption {
	if h.GRPCServer == nil {
		return nil
	}
	return h.GRPCServer(service)
}

func (h Hooks) grpcDial(service string) []grpc.DialOption {
	if h.GRPCDial == nil {
		return nil
	}
	return h.GRPCDial(service)
}

func (h Hooks) transport(service string, next http.RoundTripper) http.RoundTripper {
	if h.Transport == nil {
		return next
	}
	return h.Transport(service, next)
}

func (h Hooks) publish(service string) []func(context.Context, *events.Message) {
	if h.Publish == nil {
		return nil
	}
	return []func(context.Context, *events.Message){
		func(ctx context.Context, m *events.Message) { h.Publish(ctx, service, m) },
	}
}

func (h Hooks) consume(service, queue string, next Handle) Handle {
	if h.Consume == nil {
		return next
	}
	return h.Consume(service, queue, next)
}

func (h Hooks) message(service string) func(context.Context, events.Message) (context.Context, func(error)) {
	if h.Message == nil {
		return nil
	}
	return func(ctx context.Context, m events.Message) (context.Context, func(error)) {
		return h.Message(ctx, service, m)
	}
}

func (h Hooks) openDB(service string) store.Opener {
	if h.OpenDB == nil {
		return nil
	}
	return h.OpenDB(service)
}

func (h Hooks) log(next slog.Handler) slog.Handler {
	if h.Log == nil {
		return next
	}
	return h.Log(next)
}

func (h Hooks) observe(service string) func(name string, value float64, labels ...string) {
	if h.Observe == nil {
		return func(string, float64, ...string) {}
	}
	return func(name string, value float64, labels ...string) { h.Observe(service, name, value, labels...) }
}

func (h Hooks) background(env *service.Env) []service.Job {
	if h.Background == nil {
		return nil
	}
	return h.Background(env)
}
