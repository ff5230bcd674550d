package broker

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"warren.example/workshop/minirabbit/internal/vhost"
)

// Permissions are regular expressions for names of things, one for each kind of permission, as RabbitMQ has them: they may
// match any part of a name, and an empty one allows nothing (rabbitmq.com/docs/access-control). They are Go's, which knows
// no look-around.
type Permissions struct {
	Configure string
	Write     string
	Read      string
}

// Grant is one user's permissions in one virtual host.
type Grant struct {
	Host, User string
	Permissions
}

type grantKey struct{ host, user string }

// grant answers what a user may do in a virtual host: it is the vhost.Access of the user's connections, and follows later
// changes. Its rules are nil if the user may do nothing any more.
type grant struct {
	Permissions
	rules atomic.Pointer[rules]
}

// rules are permissions, ready for use.
type rules struct {
	configure, write, read *regexp.Regexp // nil: everything is allowed

	mu    sync.Mutex // guards what follows
	known map[question]bool
}

type question struct {
	permission vhost.Permission
	name       string
}

// mostKnown bounds how many answers are remembered.
const mostKnown = 10_000

func compile(p Permissions) (*rules, error) {
	r := &rules{known: make(map[question]bool)}
	for _, part := range []struct {
		name, text string
		into       **regexp.Regexp
	}{{"configure", p.Configure, &r.configure}, {"write", p.Write, &r.write}, {"read", p.Read, &r.read}} {
		text := part.text
		switch text {
		case ".*":
			continue
		case "":
			text = "^$"
		}
		expression, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("%s permission %q: %w", part.name, part.text, err)
		}
		*part.into = expression
	}
	return r, nil
}

// Allowed tells whether the user may do p to the exchange or queue.
func (g *grant) Allowed(p vhost.Permission, name string) bool {
	r := g.rules.Load()
	return r != nil && r.allow(p, name)
}

func (r *rules) allow(p vhost.Permission, name string) bool {
	expression := r.configure
	switch p {
	case vhost.Write:
		expression = r.write
	case vhost.Read:
		expression = r.read
	}
	if expression == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := question{p, name}
	allowed, ok := r.known[asked]
	if !ok {
		if len(r.known) >= mostKnown {
			clear(r.known)
		}
		allowed = expression.MatchString(name)
		r.known[asked] = allowed
	}
	return allowed
}

// stands tells whether the grant was made, and not taken back.
func (g *grant) stands() bool { return g != nil && g.rules.Load() != nil }

func (g *grant) withdraw() { g.rules.Store(nil) }

// PutPermissions sets what a user may do in a virtual host. It fails if there is no such user or virtual host, or if an
// expression is wrong.
func (b *Broker) PutPermissions(host, user string, p Permissions) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.putPermissions(host, user, p)
}

func (b *Broker) putPermissions(host, user string, p Permissions) error {
	if b.hosts[host] == nil {
		return fmt.Errorf("permissions of user %q in virtual host %q: there is no such virtual host", user, host)
	}
	if _, ok := b.users[user]; !ok {
		return fmt.Errorf("permissions of user %q in virtual host %q: there is no such user", user, host)
	}
	r, err := compile(p)
	if err != nil {
		return fmt.Errorf("permissions of user %q in virtual host %q: %w", user, host, err)
	}
	key := grantKey{host, user}
	g := b.grants[key]
	if g == nil {
		g = &grant{}
		b.grants[key] = g
	}
	g.Permissions = p
	g.rules.Store(r)
	b.append(&Record{Kind: PermissionsPut, Host: host, User: User{Name: user}, Permissions: p})
	return nil
}

// DeletePermissions takes away what a user may do in a virtual host. It returns false if there was nothing.
func (b *Broker) DeletePermissions(host, user string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := grantKey{host, user}
	g := b.grants[key]
	if !g.stands() {
		return false
	}
	g.withdraw() // it stays, for open connections to have what is granted again
	b.append(&Record{Kind: PermissionsDeleted, Host: host, User: User{Name: user}})
	return true
}

// Grants returns the permissions of all users in all virtual hosts, sorted by virtual host and user.
func (b *Broker) Grants() []Grant {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Grant
	for k, g := range b.grants {
		if !g.stands() {
			continue
		}
		all = append(all, Grant{k.host, k.user, g.Permissions})
	}
	slices.SortFunc(all, func(x, y Grant) int {
		return cmp.Or(strings.Compare(x.Host, y.Host), strings.Compare(x.User, y.User))
	})
	return all
}

// MayEnter tells whether the user has permissions in the virtual host, be they empty: whether connection.open succeeds.
func (b *Broker) MayEnter(host, user string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.grants[grantKey{host, user}].stands()
}
