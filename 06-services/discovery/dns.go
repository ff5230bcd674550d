package discovery

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// DNSConfig says how the names of services become addresses.
type DNSConfig struct {
	// Host is the name to look up, "{service}" standing for the service's: "{service}" in compose,
	// "{service}.shop.svc.cluster.local" in Kubernetes, where a headless service has an address for each instance.
	Host  string
	Ports map[string]string // by protocol: {"http": "8080", "grpc": "9090"}
	Keep  time.Duration     // how long an answer is used; 0 is 5 s
	// Lookup is net.DefaultResolver.LookupHost if nil.
	Lookup func(ctx context.Context, host string) ([]string, error)
	Now    func() time.Time // time.Now if nil
}

// DNS is a registry that asks DNS. It remembers answers for a while, and when DNS fails it goes on with the last that it had:
// most of those instances will still be there. It is safe for concurrent use.
type DNS struct {
	config DNSConfig

	mu    sync.Mutex
	known map[string]answer // by host
}

type answer struct {
	ips []string // never changed
	at  time.Time
}

// NewDNS returns a registry. It returns an error for a pattern without "{service}".
func NewDNS(c DNSConfig) (*DNS, error) {
	if !strings.Contains(c.Host, "{service}") {
		return nil, fmt.Errorf("the pattern %q for hosts lacks {service}", c.Host)
	}
	if c.Keep <= 0 {
		c.Keep = 5 * time.Second
	}
	if c.Lookup == nil {
		c.Lookup = net.DefaultResolver.LookupHost
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &DNS{config: c, known: make(map[string]answer)}, nil
}

// Register does nothing: who starts the instances tells DNS.
func (d *DNS) Register(context.Context, string, string, string) error { return nil }

// Deregister does nothing.
func (d *DNS) Deregister(context.Context, string, string, string) error { return nil }

// Discover looks the service's host up. Errors name the service; that of a name that DNS doesn't have wraps a *net.DNSError.
func (d *DNS) Discover(ctx context.Context, service, protocol string) ([]string, error) {
	port, ok := d.config.Ports[protocol]
	if !ok {
		return nil, fmt.Errorf("discover %s: no port is set for %s", service, protocol)
	}
	ips, err := d.lookup(ctx, strings.ReplaceAll(d.config.Host, "{service}", service))
	if err != nil {
		return nil, fmt.Errorf("discover %s for %s: %w", service, protocol, err)
	}
	addresses := make([]string, len(ips))
	for n, ip := range ips {
		addresses[n] = net.JoinHostPort(ip, port)
	}
	return addresses, nil
}

func (d *DNS) lookup(ctx context.Context, host string) ([]string, error) {
	d.mu.Lock()
	last, known := d.known[host]
	d.mu.Unlock()
	if known && d.config.Now().Sub(last.at) < d.config.Keep {
		return last.ips, nil
	}
	ips, err := d.config.Lookup(ctx, host) // without the lock: a slow name must not stop the others
	if err == nil && len(ips) == 0 {
		err = ErrNone
	}
	if err != nil && !known {
		return nil, err
	}
	if err != nil {
		ips = last.ips
	} else {
		slices.Sort(ips) // DNS servers turn their answers: that must not mix with a round robin
	}
	d.mu.Lock()
	d.known[host] = answer{ips, d.config.Now()}
	d.mu.Unlock()
	return ips, nil
}
