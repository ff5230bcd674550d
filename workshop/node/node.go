// Package node runs real RabbitMQ nodes for the workshop and leases them: a Driver starts nodes (package native, package
// docker), a Pool leases them, Supervise serves a pool's leases to other processes. It does not know how a node is
// started, and it imports no driver.
package node

import (
	"context"

	"warren.example/workshop/broker"
	"warren.example/workshop/port"
)

// A Driver starts RabbitMQ nodes of one kind: of an installed server, in containers. Its methods may be called from
// several goroutines.
type Driver interface {
	// Name says in one word where the nodes run: "native", "docker".
	Name() string
	// Version returns the server's version, such as "3.10.8", if possible without starting it. The error says what to
	// install or to start when there is no server.
	Version(ctx context.Context) (string, error)
	// Has reports whether the driver's nodes have an ability.
	Has(broker.Ability) bool
	// Start starts the nodes and returns when all of them serve (see Await) and, if they are several, have formed a
	// cluster. When it fails or ctx ends first, it leaves nothing behind: no process, no folder. ctx does not end the
	// nodes later; Group.Close does, and so does the end of this process, however sudden.
	Start(ctx context.Context, s Spec) (Group, error)
	// Close ends all groups that are still open, and what else the driver holds. Safe to call twice.
	Close() error
}

// A Spec describes the nodes to start.
type Spec struct {
	Name     string       // names the group in messages and process lists: letters, digits and "-" only
	Dir      string       // a folder of the group's own, for data and logs; made and deleted by the group
	Nodes    int          // how many; 0 means 1; more than one form a cluster
	Ports    port.Set     // wanted ports of the first node; one that is 0 or in use is replaced by a free one
	Progress func(string) // is told in short lines how far the start has come, from one goroutine; nil: nobody listens
}

// A Group is one broker: a single node, or a cluster.
type Group interface {
	// Nodes returns the nodes in a fixed order. Their methods, except Info, are called by one goroutine at a time for
	// each node.
	Nodes() []broker.Node
	// Close ends the nodes, whatever their state, and deletes their data and logs. It returns when they have ended. Safe
	// to call twice.
	Close() error
}
