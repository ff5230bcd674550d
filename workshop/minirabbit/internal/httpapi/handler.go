package httpapi

import (
	"cmp"
	"net/http"
	"time"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
)

// Config says how the broker presents itself.
type Config struct {
	Node string // "" means "rabbit@localhost"
	// Members returns all nodes of a cluster. Nil, or none: there is but Node.
	Members   func() []Member
	Listeners []Listener
	Started   time.Time // for "uptime"; zero means now
}

// A Member is a node of a cluster.
type Member struct {
	Name    string
	Running bool
}

// A Listener is a port that the broker serves.
type Listener struct {
	Protocol string // "amqp", "amqp/ssl", "http"
	Address  string // "127.0.0.1"
	Port     int
}

// A source is what the API reads from and changes: a broker.Broker.
type source interface {
	Version() version.Version
	Now() time.Time
	Alarm() string

	Login(name, password, address string) (broker.User, bool)
	User(name string) (broker.User, bool)
	Users() []broker.User
	PutUser(u broker.User)
	DeleteUser(name string) bool

	Hosts() []string
	PutHost(name string)
	DeleteHost(name string) bool
	Snapshot(host string) (vhost.Snapshot, bool)
	Counts(host string) (vhost.Counts, bool)

	MayEnter(host, user string) bool
	Grants() []broker.Grant
	PutPermissions(host, user string, p broker.Permissions) error
	DeletePermissions(host, user string) bool

	Connections() []*broker.Connection
	CloseConnection(name, reason string) bool
}

// live is a broker as a source.
type live struct{ *broker.Broker }

func (l live) Now() time.Time { return l.Clock().Now() }

func (l live) Snapshot(name string) (vhost.Snapshot, bool) {
	host, ok := l.Host(name)
	if !ok {
		return vhost.Snapshot{}, false
	}
	return host.Snapshot(), true
}

func (l live) Counts(name string) (vhost.Counts, bool) {
	host, ok := l.Host(name)
	if !ok {
		return vhost.Counts{}, false
	}
	return host.Counts(), true
}

// A Handler answers HTTP requests. Safe for several goroutines.
type Handler struct {
	source source
	config Config
	router router
}

// New returns the API and the page of a broker.
func New(b *broker.Broker, c Config) *Handler { return newHandler(live{b}, c) }

func newHandler(s source, c Config) *Handler {
	c.Node = cmp.Or(c.Node, "rabbit@localhost")
	if c.Started.IsZero() {
		c.Started = s.Now()
	}
	h := &Handler{source: s, config: c}
	h.router.notFound = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refuse(w, errNotFound) })
	for pattern, r := range resources() {
		h.router.handle("/api"+pattern, h.serve(r))
	}
	h.router.handle("/live/{vhost}", h.serve(resource{needs: management, get: (*Handler).getLive}))
	h.router.handle("/page/{file}", pageFile(""))
	h.router.handle("/", pageFile("index.html"))
	return h
}

// members are the nodes.
func (h *Handler) members() []Member {
	if h.config.Members != nil {
		if all := h.config.Members(); len(all) > 0 {
			return all
		}
	}
	return []Member{{Name: h.config.Node, Running: true}}
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.router.ServeHTTP(w, r) }
