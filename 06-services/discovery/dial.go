package discovery

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
)

const (
	firstPause = 100 * time.Millisecond // before a service that wasn't found is looked for again; doubled each time
	refresh    = 5 * time.Second        // how long addresses are taken for good
)

// Dial returns a connection to all gRPC instances of a service, to which calls go in turn. It connects with the first call, and
// again by itself. Nothing is encrypted unless opts say so, with grpc.WithTransportCredentials(credentials.NewTLS(…)): the
// certificate must be for the service's name.
func Dial(registry Registry, service string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("shop:///"+service, append([]grpc.DialOption{
		grpc.WithResolvers(builder{registry}),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
	}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", service, err)
	}
	return conn, nil
}

type builder struct{ registry Registry }

func (builder) Scheme() string { return "shop" }

// Build starts to look for a service: again every few seconds, and sooner when a connection was lost.
func (b builder) Build(target resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &search{registry: b.registry, service: target.Endpoint(), conn: conn, cancel: cancel, done: make(chan struct{}),
		now: make(chan struct{}, 1)}
	go s.run(ctx)
	return s, nil
}

// A search tells gRPC where a service is, as long as the connection is used.
type search struct {
	registry Registry
	service  string
	conn     resolver.ClientConn
	cancel   context.CancelFunc
	done     chan struct{}
	now      chan struct{} // see ResolveNow
}

// ResolveNow is called by gRPC when an address is no good any more.
func (s *search) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case s.now <- struct{}{}:
	default:
	}
}

// Close ends the search.
func (s *search) Close() {
	s.cancel()
	<-s.done
}

func (s *search) run(ctx context.Context) {
	defer close(s.done)
	failed := firstPause
	for {
		addresses, err := s.registry.Discover(ctx, s.service, "grpc")
		if ctx.Err() != nil {
			return
		}
		pause := refresh
		if err != nil {
			s.conn.ReportError(err) // calls fail with it, unless they have addresses from before
			pause = failed
			failed = min(2*failed, refresh)
		} else {
			state := resolver.State{}
			for _, address := range addresses {
				state.Addresses = append(state.Addresses, resolver.Address{Addr: address})
			}
			_ = s.conn.UpdateState(state) // gRPC calls ResolveNow if it doesn't like this one
			failed = firstPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		case <-s.now:
			// gRPC asks with each instance that it loses: one pause for all of them.
			select {
			case <-ctx.Done():
				return
			case <-time.After(firstPause):
			}
		}
	}
}
