package vhost

import "warren.example/workshop/minirabbit/internal/fault"

// Permission is one of the three kinds of permission that a user can have on things of a virtual host
// (rabbitmq.com/docs/access-control).
type Permission string

// All permissions.
const (
	Configure Permission = "configure" // declare and delete
	Write     Permission = "write"     // publish, bind a queue
	Read      Permission = "read"      // consume, get, purge, bind to an exchange
)

// Access says what a user may do in the virtual host. Its answers may change while a connection is open. It is called with
// the host's lock held, once per message published: it must be quick and must not call the host.
type Access interface {
	// Allowed tells whether the user may do p to the exchange or queue. The default exchange is "amq.default".
	Allowed(p Permission, name string) bool
}

// Everything is the Access of a user who may do everything.
type Everything struct{}

// Allowed returns true.
func (Everything) Allowed(Permission, string) bool { return true }

const (
	kindExchange = "exchange"
	kindQueue    = "queue"
)

// check returns the 403 if the connection's user may not do p to the thing.
func (ch *Channel) check(p Permission, kind, name string) *fault.Error {
	if kind == kindExchange && name == "" {
		name = "amq.default"
	}
	if ch.conn.info.Access.Allowed(p, name) {
		return nil
	}
	which := ""
	if ch.host.version.NamedRefusals() {
		which = string(p) + " "
	}
	return fault.Channel(fault.AccessRefused, "%saccess to %s refused for user '%s'", which, ch.host.rs(kind, name), ch.conn.info.User)
}

// checkPassive returns the 403 if the user has no permission whatever on a thing that is only asked for. Before 4.3 nobody
// needs one.
func (ch *Channel) checkPassive(kind, name string) *fault.Error {
	if !ch.host.version.PassiveNeedsPermission() {
		return nil
	}
	access := ch.conn.info.Access
	if access.Allowed(Read, name) || access.Allowed(Write, name) {
		return nil
	}
	return ch.check(Configure, kind, name)
}
