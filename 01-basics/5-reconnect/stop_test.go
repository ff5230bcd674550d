package reconnect_test

import (
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestStopFinishesTheRunningHandle(t *testing.T) {
	s := newScene(t)
	s.lab.Declare(queue, nil)
	s.lab.Publish(queue, "order-1")
	s.hold("order-1")
	call := s.run()
	s.lab.Await("a running handle", func() bool { return s.begun("order-1") == 1 })

	call.Stop()
	s.upTo(1000, func() bool { return !call.Running() || len(s.lab.Connections()) == 0 })

	claim := lab.Claim{
		Want: "the running handle may finish, and its order is acked, before Run closes the connection and returns",
		Why:  "each deployment makes half of a reservation, and the order comes again",
		Read: "01-basics/README.md#reconnect",
	}
	claim.Saw = "ctx ended while a handle ran, and Run returned without it"
	s.lab.Check(call.Running(), claim)
	claim.Saw = "ctx ended while a handle ran, and its connection was closed"
	s.lab.Check(len(s.lab.Connections()) == 1, claim)
	s.letAll()
	s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: stopping is no error"})
	claim.Saw = "ctx ended, and with it the context of the running handle"
	s.mu.Lock()
	broken := len(s.broken)
	s.mu.Unlock()
	s.lab.Check(broken == 0, claim)
	claim.Saw = "ctx ended while a handle ran; it returned nil, and its order is not acked"
	s.lab.Expect(tap.Filter{From: tap.Client, Method: "basic.ack"}, 1, claim)
}

func TestStopBeginsNothingNew(t *testing.T) {
	const rounds = 24 // select takes one of two at random: whoever doesn't look again would have to be lucky 24 times
	s := newScene(t)
	s.prefetch = 2
	for i := range rounds {
		order, next := fmt.Sprintf("order-%d", 2*i+1), fmt.Sprintf("order-%d", 2*i+2)
		s.lab.Declare(queue, nil)
		s.lab.Publish(queue, order, next)
		s.hold(order)
		call := s.run()
		s.lab.Await("a running handle", func() bool { return s.begun(order) == 1 })
		s.lab.WaitFor(tap.Filter{Method: "basic.deliver", Where: isOrder(next)}, 1)

		call.Stop()
		s.awhile()
		s.let(order)

		s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: stopping is no error"})
		s.lab.Check(s.begun(next) == 0, lab.Claim{
			Saw:  fmt.Sprintf("ctx ended while the handle of %s ran; after that the one of %s began", order, next),
			Want: "no message is begun after ctx has ended",
			Why:  "a stopping program has seconds, and is killed in the middle of what it begins now",
			Read: "01-basics/README.md#select",
		})
		s.lab.DeleteQueue(queue)
	}
}

func TestStopBreaksOffConnecting(t *testing.T) {
	s := newScene(t)
	accepted := s.silentBroker()
	call := s.run()
	s.lab.Await("a connection to the broker that says nothing", func() bool { return accepted.Load() > 0 })

	call.Stop()

	claim := lab.Claim{
		Saw:  "the broker took the connection and says nothing; ctx ended, and Run goes on waiting for it",
		Want: "ctx ends: return nil, also while a connection is being made",
		Why: "the broker's machine hangs: every program that is to be stopped now waits half a minute, and is killed " +
			"instead",
		Read: "01-basics/README.md#stop",
	}
	s.lab.NoError(call.WaitOr(claim), lab.Claim{
		Want: "nil: stopping is no error, also while a connection is being made",
		Read: "01-basics/README.md#stop",
	})
}

// silentBroker sends the consumer to a port that accepts connections and never says a word. It counts them.
func (s *scene) silentBroker() (accepted *atomic.Int32) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.lab.Failf("listen: %v", err)
	}
	accepted = new(atomic.Int32)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			socket, err := listener.Accept()
			if err != nil {
				return
			}
			defer socket.Close() // at the end: until then it stays open
			accepted.Add(1)
		}
	}()
	s.t.Cleanup(func() {
		listener.Close()
		<-done
	})
	s.url = s.with(func(u *url.URL) { u.Host = listener.Addr().String() })
	return accepted
}

func TestStopClosesTheConnection(t *testing.T) {
	s := newScene(t)
	call := s.run()
	s.consuming()
	s.mustReserve(call, "order-1", "the consumer has started")

	s.lab.NoError(call.Stopped(), lab.Claim{Want: "nil: stopping is no error"})

	s.lab.Check(s.lab.Soon(func() bool { return len(s.lab.Connections()) == 0 }), lab.Claim{
		Saw:  fmt.Sprintf("Run has returned, and %s open", plural(len(s.lab.Connections()), "connection")),
		Want: "what Run opens it closes",
		Why:  "RabbitMQ goes on sending orders to a process where nobody handles them",
		Read: "01-basics/README.md#reconnect",
	})
}
