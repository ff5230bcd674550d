// Package broker says what the lab asks of whatever gives brokers, and finds one: the broker that WORKSHOP_AMQP_URL
// names, or the one that `workshop up` left running. It starts no broker itself; packages node and mini do.
package broker

import (
	"context"
	"fmt"
	"time"
)

// An Ability is something that not every broker can do, asked for by name.
type Ability string

// The abilities. A request names those it needs, and a source says by Source.Has which it offers.
const (
	Breakable      Ability = "breakable"       // a node can be killed, stopped, started again, paused and resumed
	Clustered      Ability = "cluster"         // several nodes that form one broker
	Alarms         Ability = "alarm"           // the memory alarm can be raised and cleared
	Clock          Ability = "clock"           // the broker's clock can be put forward
	Management     Ability = "management"      // the management HTTP API
	Streams        Ability = "stream"          // the stream protocol, on a port of its own
	ConsistentHash Ability = "consistent-hash" // exchanges of type x-consistent-hash
	Prometheus     Ability = "prometheus"      // metrics for Prometheus
)

// Abilities returns all abilities in a fixed order, for messages and loops.
func Abilities() []Ability {
	return []Ability{Breakable, Clustered, Alarms, Clock, Management, Streams, ConsistentHash, Prometheus}
}

// A Kind says how much of a broker a request wants for itself.
type Kind int

const (
	// Shared is a broker that others use at the same time: work in a virtual host of your own, never break it.
	Shared Kind = iota
	// Own is a single node that nobody else uses until the lease is released.
	Own
	// Cluster is a cluster that nobody else uses until the lease is released.
	Cluster
)

// String returns "shared", "own" or "cluster".
func (k Kind) String() string {
	switch k {
	case Shared:
		return "shared"
	case Own:
		return "own"
	case Cluster:
		return "cluster"
	}
	return "unknown kind"
}

// MarshalText makes a Kind readable in JSON.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *Kind) UnmarshalText(text []byte) error {
	for _, known := range []Kind{Shared, Own, Cluster} {
		if known.String() == string(text) {
			*k = known
			return nil
		}
	}
	return fmt.Errorf("kind of a lease: %q is not known", text)
}

// A Request says which broker is wanted.
type Request struct {
	Kind  Kind      `json:"kind"`            // the zero value is Shared
	Nodes int       `json:"nodes,omitempty"` // nodes of a Cluster; 0 means 3. Other kinds ignore it
	Needs []Ability `json:"needs,omitempty"` // besides what Kind implies: Own breakable, Cluster that and cluster
	For   string    `json:"for,omitempty"`   // who asks, for `workshop status`: the name of the test
}

// Required returns the abilities that the request needs, those that its kind implies first.
func (r Request) Required() []Ability {
	var needs []Ability
	switch r.Kind {
	case Own:
		needs = append(needs, Breakable)
	case Cluster:
		needs = append(needs, Breakable, Clustered)
	}
	return append(needs, r.Needs...)
}

// A Source gives brokers. Its methods may be called from several goroutines.
type Source interface {
	// Name names the product, its version and where it comes from: "RabbitMQ 3.10.8 (native)". Every verdict names it.
	Name() string
	// Version is the broker's version alone: "3.10.8".
	Version() string
	// Has reports whether the source's brokers have an ability.
	Has(Ability) bool
	// Lease waits until a broker of the wanted kind is free and returns it, ready to serve. The broker holds nothing of
	// earlier leases, except that a Shared one has the virtual hosts of others. The error is an *UnsupportedError when
	// the source can never grant the request, ctx's error when ctx ended first. ctx does not end a lease once granted.
	Lease(ctx context.Context, r Request) (Lease, error)
	// Close gives back what the source holds for its user. It ends all leases. Safe to call twice.
	Close() error
}

// A Lease is the right to use one broker.
type Lease interface {
	// Nodes returns the broker's nodes, at least one, always in the same order.
	Nodes() []Node
	// Release gives the broker back. Nodes may be dead or paused then. Safe to call twice.
	Release() error
}

// A Node is one node of a leased broker. All methods but Info return an *UnsupportedError where the node can not do
// what is asked: on a shared broker, and on one that is not breakable. Its methods may be called from several
// goroutines; those that change the node are run one after the other.
type Node interface {
	// Info returns the node's addresses. They stay the same over Kill, Stop and Start.
	Info() Info
	// Kill ends the node as kill -9 does: no farewell to clients, nothing written any more. A dead node: no error.
	Kill(ctx context.Context) error
	// Stop ends the node in an orderly way. Clients are told (connection.close, 320). A dead node: no error.
	Stop(ctx context.Context) error
	// Start starts a dead node again on the same ports with its data, and returns when it serves. A running node: no error.
	Start(ctx context.Context) error
	// Pause freezes the node as SIGSTOP does: connections stay open, nothing answers.
	Pause(ctx context.Context) error
	// Resume ends a pause. A node that is not paused: no error.
	Resume(ctx context.Context) error
	// Alarm raises or clears the memory alarm: while it is on, connections that publish are blocked.
	Alarm(ctx context.Context, on bool) error
	// Advance puts the node's clock forward, for time-outs and TTLs. Real nodes can not.
	Advance(ctx context.Context, d time.Duration) error
}

// Info tells where a node listens. Addresses that the node does not serve are empty.
type Info struct {
	Name       string `json:"name"`                 // "rabbit@localhost"
	AMQP       string `json:"amqp"`                 // "amqp://guest:guest@127.0.0.1:5673/"
	Management string `json:"management,omitempty"` // "http://guest:guest@127.0.0.1:15673"
	Prometheus string `json:"prometheus,omitempty"` // "http://127.0.0.1:15693/metrics"
	Stream     string `json:"stream,omitempty"`     // "rabbitmq-stream://guest:guest@127.0.0.1:5553/"
	Version    string `json:"version"`              // "3.10.8"
}
