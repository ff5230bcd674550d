package shop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"warren.example/06-services/auth"
	"warren.example/06-services/bus"
	"warren.example/06-services/discovery"
	"warren.example/06-services/httpx"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/service"
	"warren.example/06-services/store"
)

// grace is how long a service waits, when it is told to stop, for what is under way: requests, calls, the outbox.
const grace = 3 * time.Second

// one is one service of the shop.
type one struct {
	shop       *Shop
	definition service.Definition
	place      addresses
	door       *door
	log        *slog.Logger
	ready      chan struct{} // closed when it works
	closed     chan struct{} // closed when it takes no more requests
	here       addresses     // where it is, once it is ready

	// What follows is there when build has returned nil.
	env       *service.Env
	service   *service.Service
	publisher Publisher // nil without a store
	inbox     *inbox.Inbox
	dialer    *dialer
}

// run lets the service work until ctx ends. It waits for nothing: what it needs and isn't there yet is tried again, while
// /health says so. Only a definition that is wrong ends it, with an error.
func (o *one) run(ctx context.Context) error {
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	var doors sync.WaitGroup
	defer doors.Wait()
	defer stopServing()
	doors.Go(func() {
		if err := httpx.Serve(serving, o.door.listener, o.handler(), o.log); err != nil {
			o.log.Warn("HTTP did not end well", "error", err)
		}
	})
	pauses := newPauses()
	for {
		err := guard(func() error { return o.build(ctx) })
		switch {
		case err == nil:
			return o.work(ctx, serving, stopServing, &doors)
		case errors.Is(err, errDefinition):
			close(o.closed)
			return err
		case ctx.Err() != nil:
			close(o.closed)
			return nil
		}
		o.log.Warn("not ready, trying again", "error", err)
		wait(ctx, pauses.NextBackOff())
	}
}

// handler is all that comes in by HTTP, in its layers.
func (o *one) handler() http.Handler {
	wrapped := httpx.Wrap(o.door, httpx.Options{Log: o.log, Observe: o.shop.options.Hooks.observe(o.definition.Name)})
	return o.shop.options.Hooks.http(o.definition.Name, wrapped)
}

// build makes the service, and leaves nothing behind when it fails.
func (o *one) build(ctx context.Context) (err error) {
	name, hooks, c := o.definition.Name, o.shop.options.Hooks, o.shop.options.Config
	var db *store.DB
	var box *outbox.Box
	if o.definition.Store != nil {
		db, err = store.Open(ctx, o.shop.database(name), hooks.openDB(name), outbox.Migrations, inbox.Migrations, *o.definition.Store)
		if err != nil {
			return err
		}
		box = outbox.New(db, name, time.Now, hooks.publish(name)...)
		o.publisher, err = o.shop.options.Parts.Publisher(o.bus(), window)
		if err != nil {
			return errors.Join(err, db.Close())
		}
	}
	o.dialer = newDialer(o.shop.registry, o.shop.secured.client, hooks.grpcDial(name))
	client := &http.Client{
		Transport: hooks.transport(name, discovery.Transport(o.shop.registry, discovery.Base(o.shop.secured.client))),
	}
	o.env = &service.Env{
		Name: name, Version: o.door.version, Config: c, DB: db, Box: box, Log: o.log, Now: time.Now, Registry: o.shop.registry,
		Verifier: auth.NewVerifier(auth.Fetch(client, "http://user/keys"), time.Now),
		HTTP:     client, Dial: o.dialer.dial, Observe: hooks.observe(name), Broker: o.broker,
	}
	o.service, err = o.definition.New(ctx, o.env)
	if err == nil {
		err = check(o.definition, o.service)
	}
	if err != nil {
		return errors.Join(err, o.tearDown())
	}
	if db != nil {
		o.inbox = inbox.New(db, box, time.Now, merged(o.service.Commands, o.service.Events))
		o.inbox.Log, o.inbox.Around = o.log, hooks.message(name)
		o.inbox.Observe = func(what string, value float64) { o.env.Observe(what, value) }
	}
	return nil
}

// window is how many messages of a service may be under way to RabbitMQ.
const window = 256

func (o *one) broker() error {
	if o.publisher == nil {
		return nil
	}
	return o.publisher.Ready()
}

func (o *one) bus() bus.Config {
	observe := o.shop.options.Hooks.observe(o.definition.Name)
	return bus.Config{URLs: o.shop.urls(o.definition.Name), Name: o.definition.Name, Log: o.log,
		Observe: func(name string, value float64) { observe("bus."+name, value) }}
}

// work runs what the service consists of, and ends it in the order in which nothing is lost: requests, messages and jobs, the
// outbox, connections.
func (o *one) work(ctx, serving context.Context, stopServing func(), doors *sync.WaitGroup) error {
	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	relaying, stopRelaying := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	defer stopRelaying()
	var workers, relay sync.WaitGroup
	for _, job := range o.jobs() {
		workers.Go(func() { keep(working, o.log, job) })
	}
	if o.env.Box != nil {
		r := outbox.Relay{Box: o.env.Box, Publisher: o.publisher, Log: o.log, Timeout: o.shop.options.Config.Confirm,
			Observe: func(name string, value float64) { o.env.Observe(name, value) }}
		relay.Go(func() {
			select {
			case <-o.shop.declared: // an event that comes before the queue of who hears it would pass it by
				keep(relaying, o.log, service.Job{Name: "outbox", Run: r.Run})
			case <-relaying.Done():
			}
		})
	}
	o.door.open(o.service)
	var err error
	if o.here, err = o.serveCalls(serving, doors); err != nil {
		o.log.Error("no gRPC", "error", err)
	}
	if err := o.announce(); err != nil {
		o.log.Error("nobody finds this service", "error", err)
	}
	close(o.ready)
	o.log.Debug("ready", "http", o.here.http, "grpc", o.here.grpc)

	<-ctx.Done()
	o.shop.waitForCallers(o.definition.Name)
	o.withdraw()
	stopServing()
	doors.Wait()
	close(o.closed)
	stopWorking()
	workers.Wait()
	o.drain()
	stopRelaying()
	relay.Wait()
	return o.tearDown()
}

// serveCalls opens the gRPC of the service, if it has one, and returns where the service is.
func (o *one) serveCalls(ctx context.Context, doors *sync.WaitGroup) (here addresses, err error) {
	here.http = o.door.listener.Addr().String()
	if o.service.GRPC == nil {
		return here, nil
	}
	listener, err := net.Listen("tcp", o.place.grpc)
	if err != nil {
		return here, fmt.Errorf("listen: %w", err)
	}
	here.grpc = listener.Addr().String()
	server := newGRPC(o.service, o.shop.secured.grpc, o.log, o.shop.options.Hooks.grpcServer(o.definition.Name))
	doors.Go(func() {
		if err := serveGRPC(ctx, listener, server); err != nil {
			o.log.Warn("gRPC did not end well", "error", err)
		}
	})
	return here, nil
}

// announce tells the others of the process where the service is, unless everybody knows it by the settings.
func (o *one) announce() error {
	if o.place != anyPort {
		return nil
	}
	return errors.Join(register(o.shop.registry, o.definition.Name, "http", o.here.http),
		register(o.shop.registry, o.definition.Name, "grpc", o.here.grpc))
}

func (o *one) withdraw() {
	if o.place != anyPort {
		return
	}
	for protocol, address := range map[string]string{"http": o.here.http, "grpc": o.here.grpc} {
		if err := o.shop.registry.Deregister(context.Background(), o.definition.Name, protocol, address); err != nil {
			o.log.Warn("still registered", "protocol", protocol, "error", err)
		}
	}
}

// drain gives the relay a moment to send what the last requests and messages have left. What stays is sent at the next start.
func (o *one) drain() {
	if o.env.Box == nil || o.broker() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for {
		left, err := o.env.Box.Pending(ctx)
		if err != nil || left == 0 {
			return
		}
		wait(ctx, 10*time.Millisecond)
	}
}

// tearDown closes what build has made.
func (o *one) tearDown() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	var errs []error
	if o.publisher != nil {
		errs = append(errs, o.publisher.Close(ctx))
	}
	if o.service != nil && o.service.Close != nil {
		errs = append(errs, o.service.Close())
	}
	errs = append(errs, o.dialer.close())
	o.env.HTTP.CloseIdleConnections()
	if o.env.DB != nil {
		errs = append(errs, o.env.DB.Close())
	}
	return errors.Join(errs...)
}
