// Package port chooses the ports that brokers listen on: RabbitMQ's own where they are free, else others that are. It imports
// nothing of the workshop, so that minirabbits and real nodes share it.
package port

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// A Set is the ports that one broker listens on. Zero means: not chosen yet.
type Set struct {
	AMQP       int
	Management int
	Prometheus int
	Stream     int
}

// Usual are RabbitMQ's own (https://www.rabbitmq.com/docs/networking#ports).
var Usual = Set{AMQP: 5672, Management: 15672, Prometheus: 15692, Stream: 5552}

// Free ports are chosen below the range from which Linux, macOS and Windows take the near ends of outgoing connections. In
// that range a port would be lost while its broker is down, and a client that dials a dead port there again and again
// meets itself one day: TCP lets both ends of one socket shake hands (simultaneous open).
//
// Real nodes have a part of the range for themselves. A course is judged by many processes at once, each of which starts
// stand-ins; one of them would listen where a real node that is being restarted listens again some seconds later.
var (
	standIns = ports{20001, 27999}
	nodes    = ports{28000, 31999}
)

// ports is a range, both ends included.
type ports struct{ first, last int }

// An Allocator finds ports that are free on loopback. It asks the kernel by listening for a moment, and does not return
// a port again until it has been through all of them, so that two starts at once don't get the same. Another process may
// still take the port before it is used: be ready to try again with others. The zero value is for stand-ins.
type Allocator struct {
	// Nodes is for real nodes: no other Allocator finds their ports.
	Nodes bool

	mu   sync.Mutex // guards next
	next int        // 0: begin anywhere, so that two processes seldom meet
}

// Port returns the wanted port if that is free, else another one. Wanted 0 means any.
func (a *Allocator) Port(wanted int) (int, error) {
	if wanted != 0 && IsFree(wanted) {
		return wanted, nil
	}
	among := standIns
	if a.Nodes {
		among = nodes
	}
	count := among.last - among.first + 1
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next == 0 {
		a.next = among.first + rand.IntN(count)
	}
	for range count {
		port := a.next
		if a.next++; a.next > among.last {
			a.next = among.first
		}
		if IsFree(port) {
			return port, nil
		}
	}
	return 0, errors.New("find a free port: none between " + strconv.Itoa(among.first) + " and " + strconv.Itoa(among.last))
}

// Ports returns the wanted ports where they are free, else others.
func (a *Allocator) Ports(wanted Set) (Set, error) {
	chosen := wanted
	var failures []error
	for _, port := range []*int{&chosen.AMQP, &chosen.Management, &chosen.Prometheus, &chosen.Stream} {
		free, err := a.Port(*port)
		*port, failures = free, append(failures, err)
	}
	return chosen, errors.Join(failures...)
}

// IsFree reports whether nobody listens on a port of loopback. To listen there is not proof enough everywhere: macOS
// allows it beside somebody who listens on all addresses.
func IsFree(port int) bool {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		return false
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	listener.Close()
	return true
}
