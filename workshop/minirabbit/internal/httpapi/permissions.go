package httpapi

import (
	"strings"

	"warren.example/workshop/minirabbit/internal/broker"
)

// A permissionAnswer is what one user may do in one virtual host.
type permissionAnswer struct {
	User      string `json:"user"`
	Host      string `json:"vhost"`
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

// grants returns the permissions in a virtual host, of a user; empty names mean all.
func (h *Handler) grants(host, user string) []permissionAnswer {
	all := []permissionAnswer{}
	for _, g := range h.source.Grants() {
		if (host == "" || g.Host == host) && (user == "" || g.User == user) {
			all = append(all, permissionAnswer{g.User, g.Host, g.Configure, g.Write, g.Read})
		}
	}
	return all
}

func (h *Handler) getPermissions(request) (any, error) { return h.grants("", ""), nil }

func (h *Handler) getHostPermissions(r request) (any, error) {
	return h.grants(r.PathValue("vhost"), ""), h.knows(r.PathValue("vhost"))
}

func (h *Handler) getUserPermissions(r request) (any, error) {
	if _, ok := h.source.User(r.PathValue("user")); !ok {
		return nil, errNotFound
	}
	return h.grants("", r.PathValue("user")), nil
}

func (h *Handler) getPermission(r request) (any, error) {
	found := h.grants(r.PathValue("vhost"), r.PathValue("user"))
	if len(found) == 0 {
		return nil, errNotFound
	}
	return found[0], nil
}

// putPermission sets what a user may do in a virtual host. All three expressions must be given.
func (h *Handler) putPermission(r request) (any, error) {
	var wanted struct{ Configure, Write, Read *string }
	if err := r.read(&wanted); err != nil {
		return nil, err
	}
	var lacking []string
	for _, field := range []struct {
		name  string
		value *string
	}{{"configure", wanted.Configure}, {"write", wanted.Write}, {"read", wanted.Read}} {
		if field.value == nil {
			lacking = append(lacking, "{key_missing,"+field.name+"}")
		}
	}
	if lacking != nil {
		return nil, badRequest("[" + strings.Join(lacking, ",") + "]")
	}
	host, user := r.PathValue("vhost"), r.PathValue("user")
	if _, ok := h.source.User(user); !ok || h.knows(host) != nil {
		return nil, badRequest("vhost_or_user_not_found")
	}
	isNew := len(h.grants(host, user)) == 0
	p := broker.Permissions{Configure: *wanted.Configure, Write: *wanted.Write, Read: *wanted.Read}
	if err := h.source.PutPermissions(host, user, p); err != nil {
		return nil, badRequest("invalid_regexp: " + err.Error())
	}
	if isNew {
		return created{}, nil
	}
	return nil, nil
}

func (h *Handler) deletePermission(r request) (any, error) {
	if !h.source.DeletePermissions(r.PathValue("vhost"), r.PathValue("user")) {
		return nil, errNotFound
	}
	return nil, nil
}
