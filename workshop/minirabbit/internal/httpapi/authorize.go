package httpapi

import (
	"net/http"
	"slices"

	"warren.example/workshop/minirabbit/internal/broker"
)

// A level is what a resource asks of a user's tags (rabbitmq.com/docs/management#permissions).
type level int

const (
	management    level = iota // any of the tags management, policymaker, monitoring, administrator
	monitor                    // monitoring, administrator
	administrator              // administrator
)

// wrongPassword is the error of a login that failed, in RabbitMQ's two spellings of the word.
const wrongPassword = "not_authorized"

// authorize returns the user that a request names, if password and tags suffice.
func (h *Handler) authorize(r *http.Request, needs level) (broker.User, error) {
	name, password, ok := r.BasicAuth()
	if !ok {
		return broker.User{}, errNoCredentials
	}
	user, ok := h.source.Login(name, password, r.RemoteAddr)
	if !ok {
		return broker.User{}, &refusal{http.StatusUnauthorized, wrongPassword, h.source.Version().LoginFailure()}
	}
	switch {
	case !has(user, "management", "policymaker", "monitoring", "administrator"):
		return broker.User{}, notAuthorised("Not management user")
	case needs == monitor && !isMonitor(user):
		return broker.User{}, notAuthorised("Not monitor user")
	case needs == administrator && !has(user, "administrator"):
		return broker.User{}, notAuthorised("Not administrator user")
	}
	return user, nil
}

func has(u broker.User, tags ...string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { return slices.Contains(u.Tags, tag) })
}

func isMonitor(u broker.User) bool { return has(u, "monitoring", "administrator") }

// maySee tells whether the user of a request sees a connection of owner, its channels and its consumers: monitors see all, others
// their own.
func (r request) maySee(owner string) bool { return isMonitor(r.user) || r.user.Name == owner }

// sees tells whether a user may look into a virtual host: monitors into all, others where they have permissions.
func (h *Handler) sees(u broker.User, host string) bool {
	return isMonitor(u) || h.source.MayEnter(host, u.Name)
}

// hosts returns the virtual hosts that a request is about, those that its user sees: the one in its path, else all.
func (h *Handler) hosts(r request) ([]string, error) {
	if name := r.PathValue("vhost"); name != "" {
		if !slices.Contains(h.source.Hosts(), name) {
			return nil, errNotFound
		}
		if !h.sees(r.user, name) {
			return nil, notAuthorised("User not authorised to access virtual host")
		}
		return []string{name}, nil
	}
	return slices.DeleteFunc(slices.Clone(h.source.Hosts()), func(name string) bool { return !h.sees(r.user, name) }), nil
}
