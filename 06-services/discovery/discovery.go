// Package discovery finds the services of the shop.
package discovery

import "context"

// A Registry knows where services are. Protocol is "http" or "grpc"; an address is "host:port".
type Registry interface {
	// Register says that an instance of a service is at address.
	Register(ctx context.Context, service, protocol, address string) error
	// Deregister takes that back.
	Deregister(ctx context.Context, service, protocol, address string) error
	// Discover returns the addresses of a service, at least one, or an error.
	Discover(ctx context.Context, service, protocol string) ([]string, error)
}
