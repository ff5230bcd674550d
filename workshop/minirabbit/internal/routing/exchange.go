package routing

import "warren.example/workshop/wire"

// Kind is the type of an exchange, by its name in exchange.declare.
type Kind string

// The kinds there are. ConsistentHash is RabbitMQ's plugin rabbitmq_consistent_hash_exchange, always on here.
const (
	Direct         Kind = "direct"
	Fanout         Kind = "fanout"
	Topic          Kind = "topic"
	Headers        Kind = "headers"
	ConsistentHash Kind = "x-consistent-hash"
)

// ParseKind returns the kind called name, and false if there is none: RabbitMQ's "unknown exchange type".
func ParseKind(name string) (Kind, bool) {
	switch k := Kind(name); k {
	case Direct, Fanout, Topic, Headers, ConsistentHash:
		return k, true
	}
	return "", false
}

// Exchange is what exchange.declare said.
type Exchange struct {
	Name       string // "" is the default exchange
	Kind       Kind
	Durable    bool
	AutoDelete bool // goes with its last binding, never before it had one
	Internal   bool // closed to publishers; a Graph routes through it all the same (e2e)
	Arguments  wire.Table
}

// alternateArgument names the exchange that gets what an exchange could not route (ae).
const alternateArgument = "alternate-exchange"

// Alternate returns the name of the alternate exchange, which need not exist, and whether there is one.
func (x Exchange) Alternate() (string, bool) {
	name, ok := x.Arguments.Get(alternateArgument)
	if !ok {
		return "", false
	}
	text, ok := name.(wire.String)
	return string(text), ok
}

// Predeclared lists the exchanges that every virtual host has from the beginning. They are durable and cannot be deleted,
// which is for the caller to see to.
func Predeclared() []Exchange {
	durable := func(name string, kind Kind) Exchange { return Exchange{Name: name, Kind: kind, Durable: true} }
	trace := durable("amq.rabbitmq.trace", Topic)
	trace.Internal = true
	return []Exchange{
		durable("", Direct),
		durable("amq.direct", Direct),
		durable("amq.fanout", Fanout),
		durable("amq.headers", Headers),
		durable("amq.match", Headers),
		trace,
		durable("amq.topic", Topic),
	}
}
