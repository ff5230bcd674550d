package discovery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"warren.example/06-services/httpx"
)

// Transport returns a RoundTripper that finds services by name: "http://order/orders" goes to an instance of order, each to the
// next in turn. If nobody listens there, nothing was sent, and the next instance is tried. A host with a port or a dot is an
// address already and goes to base as it is. Requests to services carry what httpx.Carry writes.
func Transport(registry Registry, base http.RoundTripper) http.RoundTripper {
	return &transport{registry: registry, base: base, turns: make(map[string]uint64)}
}

type transport struct {
	registry Registry
	base     http.RoundTripper

	mu    sync.Mutex
	turns map[string]uint64 // by service: how many requests there were
}

// RoundTrip implements http.RoundTripper: it leaves the request as it is, and sees to it that the body is closed.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	service := r.URL.Host
	if strings.ContainsAny(service, ".:") {
		return t.base.RoundTrip(r)
	}
	ctx := context.WithValue(r.Context(), serviceKey{}, service)
	addresses, err := t.registry.Discover(ctx, service, "http")
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // there is nothing to be told about a body that nobody read
		}
		return nil, err
	}
	first := t.turn(service)
	for n := range addresses {
		out := r.Clone(ctx)
		out.URL.Host = addresses[(first+uint64(n))%uint64(len(addresses))]
		if n > 0 && r.GetBody != nil {
			if out.Body, err = r.GetBody(); err != nil {
				return nil, fmt.Errorf("ask %s again: %w", service, err)
			}
		}
		httpx.Carry(ctx, out.Header)
		var answer *http.Response
		answer, err = t.base.RoundTrip(out)
		if err == nil {
			return answer, nil
		}
		if !Refused(err) || !again(r) || ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("ask %s: %w", service, err)
}

// again tells whether the body can be sent a second time.
func again(r *http.Request) bool { return r.Body == nil || r.Body == http.NoBody || r.GetBody != nil }

func (t *transport) turn(service string) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	turn := t.turns[service]
	t.turns[service]++
	return turn
}

type serviceKey struct{}

// Refused tells whether an error of Transport says that there was no connection: the service has seen nothing of the request.
func Refused(err error) bool {
	var op *net.OpError
	return errors.Is(err, ErrNone) || errors.As(err, &op) && op.Op == "dial"
}

// Base returns a transport below Transport. With settings that aren't nil, what goes to services goes through TLS, although
// URLs say "http": encryption between services is a matter of the settings, not of the code. The certificate must be for the
// service's name ("order"). With Certificates in settings the instances know who asks (mutual TLS).
func Base(settings *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}
	dial := dialer.DialContext
	if settings != nil {
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			service, ok := ctx.Value(serviceKey{}).(string)
			if !ok {
				return dialer.DialContext(ctx, network, address)
			}
			own := settings.Clone()
			own.ServerName = service
			return (&tls.Dialer{NetDialer: dialer, Config: own}).DialContext(ctx, network, address)
		}
	}
	return &http.Transport{
		DialContext:           dial,
		MaxIdleConnsPerHost:   64,               // the default of 2 would open and close connections all the time
		IdleConnTimeout:       60 * time.Second, // below the 90 s of httpx.Serve: who asks hangs up first
		ResponseHeaderTimeout: 30 * time.Second,
	}
}
