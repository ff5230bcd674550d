package discovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ErrNone is what Discover's error wraps if a service has no instance.
var ErrNone = errors.New("no instance is known")

// A Static registry is a map in memory, for services that share a process, and for addresses that are settings. It is safe for
// concurrent use.
type Static struct {
	mu        sync.RWMutex
	addresses map[endpoint][]string
}

type endpoint struct{ service, protocol string }

// NewStatic returns an empty registry.
func NewStatic() *Static { return &Static{addresses: make(map[endpoint][]string)} }

// Register adds an address. One that is known is known once.
func (s *Static) Register(_ context.Context, service, protocol, address string) error {
	if service == "" || address == "" {
		return fmt.Errorf("register %q at %q: a name or an address is missing", service, address)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := endpoint{service, protocol}
	if !slices.Contains(s.addresses[key], address) {
		s.addresses[key] = append(s.addresses[key], address)
	}
	return nil
}

// Deregister removes an address. One that isn't known is no error: a service may end before it has registered.
func (s *Static) Deregister(_ context.Context, service, protocol, address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := endpoint{service, protocol}
	s.addresses[key] = slices.DeleteFunc(s.addresses[key], func(a string) bool { return a == address })
	return nil
}

// Discover returns a copy of the addresses, or at once an error that names the service and wraps ErrNone.
func (s *Static) Discover(_ context.Context, service, protocol string) ([]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	known := s.addresses[endpoint{service, protocol}]
	if len(known) == 0 {
		return nil, fmt.Errorf("discover %s for %s: %w", service, protocol, ErrNone)
	}
	return slices.Clone(known), nil
}
