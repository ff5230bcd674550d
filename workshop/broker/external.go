package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"warren.example/workshop/management"
)

// ExternalConfig names a broker that somebody else runs.
type ExternalConfig struct {
	AMQP       string // "amqp://admin:secret@host:5672/"; the user must be an administrator
	Management string // "http://admin:secret@host:15672"; "": same host and credentials, port 15672 (amqps: https, 15671)
}

// External connects to a broker that runs already and returns it as a source of Shared leases. It is not breakable. A
// dead port, a port that never answers, a wrong password and a user who is no administrator give, within seconds, an
// error that says what to do.
func External(ctx context.Context, cfg ExternalConfig) (Source, error) {
	version, err := Probe(ctx, cfg.AMQP)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", EnvAMQP, err)
	}
	address, err := url.Parse(cfg.AMQP)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", EnvAMQP, withoutURL(err))
	}
	if cfg.Management == "" {
		cfg.Management = managementBeside(address)
	}
	s := &external{info: Info{Name: address.Host, AMQP: cfg.AMQP, Management: cfg.Management, Version: version}}
	if err := s.explore(ctx, address.Hostname()); err != nil {
		return nil, err
	}
	return s, nil
}

// external leases a broker without limit, since nobody can break it.
type external struct {
	info      Info
	abilities []Ability
}

// Name names the product as the other sources do.
func (s *external) Name() string       { return fmt.Sprintf("RabbitMQ %s (external)", s.info.Version) }
func (s *external) Version() string    { return s.info.Version }
func (s *external) Has(a Ability) bool { return slices.Contains(s.abilities, a) }
func (s *external) Close() error       { return nil }

func (s *external) Lease(ctx context.Context, r Request) (Lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, need := range r.Required() {
		if !s.Has(need) {
			return nil, &UnsupportedError{Ability: need, Source: s.Name()}
		}
	}
	return externalLease{Unbreakable{Address: s.info, Source: s.Name()}}, nil
}

type externalLease struct{ node Node }

func (l externalLease) Nodes() []Node  { return []Node{l.node} }
func (l externalLease) Release() error { return nil }

// explore asks the management API what the broker can do. The lab can't work without that API: it makes a virtual host
// for each test there.
func (s *external) explore(ctx context.Context, host string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	client, err := management.New(s.info.Management)
	if err != nil {
		return fmt.Errorf("%s: %w", EnvManagement, err)
	}
	who, err := client.WhoAmI(ctx)
	if err != nil {
		return explainManagement(s.info.Management, err)
	}
	if !slices.Contains(who.Tags, "administrator") {
		return fmt.Errorf("user %q is not an administrator, and the workshop makes virtual hosts: "+
			"`rabbitmqctl set_user_tags %s administrator`, or use another user in %s", who.Name, who.Name, EnvAMQP)
	}
	overview, err := client.Overview(ctx)
	if err != nil {
		return explainManagement(s.info.Management, err)
	}
	s.abilities = []Ability{Management}
	if overview.HasExchange("x-consistent-hash") {
		s.abilities = append(s.abilities, ConsistentHash)
	}
	// The broker tells its ports as it sees them; behind a mapping of ports they may not be reachable from here.
	if at, ok := reachable(ctx, host, overview.Port("http/prometheus")); ok {
		s.abilities = append(s.abilities, Prometheus)
		s.info.Prometheus = "http://" + at + "/metrics"
	}
	if at, ok := reachable(ctx, host, overview.Port("stream")); ok {
		s.abilities = append(s.abilities, Streams)
		s.info.Stream = "rabbitmq-stream://" + at + "/"
	}
	return nil
}

// managementBeside guesses where the management API of the broker at an AMQP URL is.
func managementBeside(address *url.URL) string {
	beside := url.URL{Scheme: "http", User: address.User, Host: net.JoinHostPort(address.Hostname(), "15672")}
	if address.Scheme == "amqps" {
		beside.Scheme, beside.Host = "https", net.JoinHostPort(address.Hostname(), "15671")
	}
	if beside.User == nil {
		beside.User = url.UserPassword("guest", "guest") // what amqp091-go takes too
	}
	return beside.String()
}

func explainManagement(address string, err error) error {
	where := address
	if u, bad := url.Parse(address); bad == nil {
		u.User = nil
		where = u.String()
	}
	var refusal *management.Error
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &refusal) && refusal.Status == http.StatusUnauthorized:
		return fmt.Errorf("the management API at %s refuses user or password: check them in %s and %s (%w)",
			where, EnvAMQP, EnvManagement, err)
	case isTimeout(err):
		return fmt.Errorf("the management API at %s did not answer in %v: set %s to the right address (%w)",
			where, answerTimeout, EnvManagement, err)
	}
	return fmt.Errorf("no management API at %s: `rabbitmq-plugins enable rabbitmq_management` on the broker's machine, "+
		"or set %s to where it is (%w)", where, EnvManagement, err)
}

// reachable reports whether a port takes connections, and its address. Port 0 does not.
func reachable(ctx context.Context, host string, port int) (string, bool) {
	if port == 0 {
		return "", false
	}
	at := net.JoinHostPort(host, strconv.Itoa(port))
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", at)
	if err != nil {
		return "", false
	}
	conn.Close()
	return at, true
}
