package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// A gate is a connection whose Write returns late: when the bytes have long been sent.
type gate struct {
	net.Conn
	mu   sync.Mutex    // guards open
	open chan struct{} // closed: Write returns at once
}

// Write sends the bytes, and returns when the gate is open.
func (g *gate) Write(b []byte) (int, error) {
	n, err := g.Conn.Write(b)
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	<-open
	return n, err
}

// shut makes Write late from now on, until the returned function is called.
func (g *gate) shut() (open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
	return sync.OnceFunc(func() { close(g.open) })
}

// newGatedScene gives a scene whose client's connection goes through a gate.
func newGatedScene(t *testing.T) (*scene, *gate) {
	t.Helper()
	t.Parallel()
	s := newStage(t)
	g := &gate{open: make(chan struct{})}
	close(g.open)
	conn, err := amqp.DialConfig(s.lab.URL, amqp.Config{Dial: func(network, address string) (net.Conn, error) {
		dialled, err := net.Dial(network, address)
		g.Conn = dialled
		return g, err
	}})
	if err != nil {
		s.lab.Failf("dial: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	s.conn = conn
	s.connect()
	return s, g
}

func TestQuickAnswerIsNotLost(t *testing.T) {
	s, g := newGatedScene(t)

	// The service is quicker than the goroutine that asked it: the answer is there before the publish has returned.
	for i := range 5 { // who is not ready would have to be lucky five times
		order := fmt.Sprintf("order-%d", i)
		open := g.shut()
		t.Cleanup(open)
		q := s.ask("resume " + order)
		s.reply(s.request(), order+" resumed")
		s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.deliver"}, i+1)
		s.trips()
		s.lab.Settle()
		open()

		s.mustGet(q, order+" resumed", lab.Claim{
			Saw:  "the answer came before the publish of the request had returned",
			Want: "Call returns it: it was ready for the answer before it asked",
			Why:  "once in a million calls a quick answer finds nobody, and its caller waits until the time is up",
			Read: "01-basics/README.md#rpc",
		})
	}
}

func TestAnswersToOneWhoLeavesStopNobody(t *testing.T) {
	s, g := newGatedScene(t)
	claim := lab.Claim{
		Want: "the second answer is thrown away, whatever the call is doing; the next call is answered as well",
		Why:  "the goroutine that hands out the answers waits for a caller who has gone, and with it all others wait",
		Read: "01-basics/README.md#rpc",
	}

	// Two answers are there, and ctx has ended, when the call first looks. It may return either: it leaves, and has taken
	// one answer at most. Which one it takes is decided by the draw of a select, so there are many rounds.
	came := 0
	for i := range 20 {
		order := fmt.Sprintf("order-%d", i)
		open := g.shut()
		t.Cleanup(open)
		q := s.ask("resume " + order)
		request := s.request()
		s.reply(request, order+" resumed")
		s.reply(request, order+" resumed")
		came += 2
		s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.deliver"}, came)
		s.trips()
		s.lab.Settle()
		q.Stop()
		open()
		claim.Saw = order + " was answered twice and its ctx was cancelled, all before the publish of its request had returned"
		if err := s.leave(q, claim); err != nil {
			s.lab.Check(errors.Is(err, context.Canceled), lab.Claim{
				Saw:  fmt.Sprintf("%s; Call returned: %v", claim.Saw, err),
				Want: "the answer, or an error that wraps the one of ctx (%w)",
				Read: "01-basics/README.md#rpc",
			})
		}

		next := s.ask("is " + order + " resumed?")
		s.reply(s.request(), "yes")
		came++
		claim.Saw += "; it returned, and another call was answered"
		s.mustGet(next, "yes", claim)
	}
}

// leave waits until the call has returned, with an answer or without.
func (s *scene) leave(q *question, c lab.Claim) error {
	c.Saw += "; Call still waits"
	return q.WaitOr(c)
}
