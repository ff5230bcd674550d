package shop

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"warren.example/06-services/discovery"
	"warren.example/06-services/service"
)

// newGRPC returns a server with the service's methods. A panic in one of them is an error of that call.
func newGRPC(s *service.Service, settings *tls.Config, log *slog.Logger, options []grpc.ServerOption) *grpc.Server {
	if settings != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(settings)))
	}
	options = append(options, grpc.ChainUnaryInterceptor(
		func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (answer any, err error) {
			panicked := guard(func() error {
				answer, err = next(ctx, req)
				return nil
			})
			if panicked != nil {
				log.Error("a call panicked", "method", info.FullMethod, "error", panicked)
				return nil, status.Error(codes.Internal, "internal error")
			}
			return answer, err
		}))
	server := grpc.NewServer(options...)
	s.GRPC(server)
	return server
}

// serveGRPC answers calls until ctx ends. Then it finishes those that are under way, or breaks them off after a while.
func serveGRPC(ctx context.Context, listener net.Listener, server *grpc.Server) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve gRPC at %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	defer time.AfterFunc(grace, server.Stop).Stop()
	server.GracefulStop()
	if err := <-ended; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve gRPC at %s: %w", listener.Addr(), err)
	}
	return nil
}

// A dialer keeps the connections of a service to the gRPC of others, one for each of them.
type dialer struct {
	registry discovery.Registry
	options  []grpc.DialOption

	mu    sync.Mutex
	conns map[string]*grpc.ClientConn
}

func newDialer(registry discovery.Registry, settings *tls.Config, options []grpc.DialOption) *dialer {
	if settings != nil {
		options = append(options, grpc.WithTransportCredentials(credentials.NewTLS(settings)))
	}
	return &dialer{registry: registry, options: options, conns: make(map[string]*grpc.ClientConn)}
}

// dial returns the connection to a service.
func (d *dialer) dial(service string) (*grpc.ClientConn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if conn, ok := d.conns[service]; ok {
		return conn, nil
	}
	conn, err := discovery.Dial(d.registry, service, d.options...)
	if err != nil {
		return nil, err
	}
	d.conns[service] = conn
	return conn, nil
}

func (d *dialer) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, conn := range d.conns {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}
