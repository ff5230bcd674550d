// Package shop runs the services: all in one process, or some of them. Services always talk over sockets, so to split them
// changes nothing.
//
//	main.go      the command: what can be typed
//	shop.go      some services, started and stopped
//	one.go       the life of one service; doors.go, grpc.go, queues.go, jobs.go have its parts
//	local.go     what takes RabbitMQ's and PostgreSQL's place on a bare machine: minirabbit, SQLite, a folder
//	hooks.go     how chapters 07 and 08 add to services; parts.go has what can be put in place of the shop's own
package shop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"

	"warren.example/06-services/bus"
	"warren.example/06-services/config"
	"warren.example/06-services/discovery"
	"warren.example/06-services/service"
)

// Options are what a shop is started with.
type Options struct {
	Config config.Config
	All    []service.Definition // all services that there are
	Names  []string             // those to start; none: all
	Parts  Parts
	Hooks  Hooks
	Log    io.Writer // nil: nobody reads it
}

// A Shop is services that run in this process.
type Shop struct {
	options  Options
	log      *slog.Logger
	local    *local
	secured  secured
	registry discovery.Registry
	brokers  map[string][]string // RabbitMQ's URLs, with the user of each service

	services []*one
	end      context.CancelFunc
	running  sync.WaitGroup
	declared chan struct{} // closed when all queues are there
	sampled  chan struct{} // closed when the samples are there
	once     sync.Once     // closes it
	ended    chan struct{} // closed when all services have ended
	mu       sync.Mutex
	failed   []error
}

// Start starts services. It returns an error at once for what is wrong with the options, and for an address or a folder that is
// taken. It waits for nothing else: RabbitMQ, databases and other services may come later. Stop ends what it has started.
func Start(o Options) (*Shop, error) {
	definitions, err := choose(o.All, o.Names)
	if err != nil {
		return nil, err
	}
	o.Parts = o.Parts.orDefault()
	if o.Log == nil {
		o.Log = io.Discard
	}
	s := &Shop{options: o, log: slog.New(o.Hooks.log(logHandler(o.Config, o.Log))), declared: make(chan struct{}),
		sampled: make(chan struct{}), ended: make(chan struct{})}
	if err := s.open(definitions); err != nil {
		s.close()
		return nil, err
	}
	if err := s.tell(); err != nil {
		s.close()
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	s.running.Go(func() { keep(ctx, s.log, service.Job{Name: "declare the topology", Run: s.declare}) })
	for _, one := range s.services {
		s.running.Go(func() {
			if err := one.run(ctx); err != nil {
				s.fail(fmt.Errorf("%s: %w", one.definition.Name, err))
			}
		})
	}
	if s.givesSamples() {
		s.running.Go(func() { keep(ctx, s.log, service.Job{Name: "samples", Run: s.samples}) })
	}
	go func() {
		s.running.Wait()
		close(s.ended)
	}()
	return s, nil
}

// open makes what the services need, and opens their doors.
func (s *Shop) open(definitions []service.Definition) (err error) {
	c := s.options.Config
	var places map[string]addresses
	if s.registry, places, err = directory(c.Network, definitions); err != nil {
		return err
	}
	if s.secured, err = secure(c.Network); err != nil {
		return err
	}
	if s.local, err = openLocal(c, s.options.All, definitions); err != nil {
		return err
	}
	s.options.Config.Admin.Password = s.local.adminPassword
	if s.brokers, err = brokers(c, s.local.broker, s.options.All); err != nil {
		return err
	}
	for _, d := range definitions {
		settings, open := s.secured.server, listen
		if d.Name == "gateway" {
			settings, places[d.Name], open = s.secured.customers, gatewayPlace(c.Network, places[d.Name]), listenForCustomers
		}
		listener, err := open(places[d.Name].http, settings)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
		s.services = append(s.services, &one{shop: s, definition: d, place: places[d.Name], log: s.log.With("service", d.Name),
			door:  &door{name: d.Name, version: version(), listener: listener, mutual: d.Name != "gateway" && settings != nil},
			ready: make(chan struct{}), closed: make(chan struct{})})
	}
	return nil
}

// declare makes the exchanges and queues of the shop, and the users that the services have.
func (s *Shop) declare(ctx context.Context) error {
	if err := makeUsers(ctx, s.options.Config, s.options.All); err != nil {
		return err
	}
	all, err := topology(s.options.All, s.options.Config)
	if err != nil {
		return err
	}
	if err := bus.Declare(ctx, bus.Config{URLs: s.brokers[""], Name: "shop", Log: s.log}, all...); err != nil {
		return err
	}
	close(s.declared)
	return nil
}

// Ready waits until all services work. It returns an error if ctx ends before, or if a service has failed for good.
func (s *Shop) Ready(ctx context.Context) error {
	for _, one := range s.services {
		select {
		case <-one.ready:
		case <-s.ended:
			return s.err()
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", one.definition.Name, context.Cause(ctx))
		}
	}
	return nil
}

// Address returns where a service listens for HTTP, or "" if it doesn't run here.
func (s *Shop) Address(name string) string {
	for _, one := range s.services {
		if one.definition.Name == name {
			return one.door.listener.Addr().String()
		}
	}
	return ""
}

// GRPC returns where a service that is ready listens for gRPC, or "".
func (s *Shop) GRPC(name string) string {
	for _, one := range s.services {
		if one.definition.Name == name {
			<-one.ready
			return one.here.grpc
		}
	}
	return ""
}

// Broker returns RabbitMQ's URL, or minirabbit's.
func (s *Shop) Broker() string { return s.brokers[""][0] }

// Stop ends the services: they take no more requests, finish what they have begun, send what they have to, and close. A
// service ends after those that call it. When ctx ends before, Stop returns an error, and what isn't finished may be broken
// off: nothing that was answered or acknowledged is lost by that.
func (s *Shop) Stop(ctx context.Context) error {
	s.end()
	select {
	case <-s.ended:
	case <-ctx.Done():
		return fmt.Errorf("not everything has ended: %w", context.Cause(ctx))
	}
	s.hush()
	return errors.Join(s.err(), s.close())
}

// Ended is closed when all services have ended, which they do by themselves only if one of them can't work.
func (s *Shop) Ended() <-chan struct{} { return s.ended }

// fail notes why a service has ended, and ends the others.
func (s *Shop) fail(err error) {
	s.mu.Lock()
	s.failed = append(s.failed, err)
	s.mu.Unlock()
	s.end()
}

func (s *Shop) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.failed...)
}

// close lets go of what open has made.
func (s *Shop) close() error {
	for _, one := range s.services {
		_ = one.door.listener.Close() // it is closed already, unless nothing was started
	}
	if s.local == nil {
		return nil
	}
	return s.local.close()
}

// waitForCallers waits until those services of this process take no more requests that call the one that is named. So a request
// that is under way finds what it needs.
func (s *Shop) waitForCallers(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for _, other := range s.services {
		if slices.Contains(other.definition.Calls, name) {
			select {
			case <-other.closed:
			case <-ctx.Done():
			}
		}
	}
}

// database returns the URL of a service's database.
func (s *Shop) database(name string) string {
	if s.options.Config.Database == "" {
		return "file:" + filepath.ToSlash(filepath.Join(s.local.folder, name+".db"))
	}
	u, err := url.Parse(s.options.Config.Database)
	if err != nil {
		return s.options.Config.Database // store.Open says what is wrong, without the password
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// urls returns RabbitMQ's URLs for a service.
func (s *Shop) urls(name string) []string {
	if own, ok := s.brokers[name]; ok {
		return own
	}
	return s.brokers[""]
}

// version is the commit that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(len(s.Value), 12)]
		}
	}
	return "unknown"
}

func logHandler(c config.Config, w io.Writer) slog.Handler {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // config has checked it; else it is info
	if c.LogFormat == "json" {
		return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
	}
	return slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})
}
