package direct_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/2-direct"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestStopWaitsForAllRunningHandlers(t *testing.T) {
	s := newStage(t)
	s.fill(shelves, direct.Standard, "order-1", "order-2")
	s.fill(express, direct.Priority, "order-3", "order-4")
	p := s.pickers()
	letShelves, letExpress := s.block(p, shelves), s.block(p, express)
	call := s.work(p, shelves, express)
	s.begins(p, shelves, 1)
	s.begins(p, express, 1)

	call.Stop()
	s.lab.Note("ctx ends")
	s.awhile()
	s.mustRun(call, "ctx ended, and Work returned while both handlers were running")
	letExpress()
	s.awhile()
	s.mustRun(call, "ctx ended, the handler of "+express+" returned, and Work returned while that of "+shelves+" was running")
	letShelves()

	s.lab.NoError(call.Wait(), lab.Claim{
		Want: "nil: stopping is no error",
		Why:  "each deployment is logged as a failure, and the failures that matter drown among them",
	})
	p.mu.Lock()
	broken := slices.Clone(p.broken)
	p.mu.Unlock()
	s.lab.Check(len(broken) == 0, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended, and with it the context of the handlers of %v", broken),
		Want: "what has begun is finished: a handler's context does not end with ctx",
		Why:  "each deployment breaks off a call half-way: is the parcel packed or not?",
		Read: "01-basics/README.md#stop",
	})
	for _, queue := range []string{shelves, express} {
		began := p.hasBegun(queue)
		s.lab.Check(len(began) == 1, lab.Claim{
			Saw:  fmt.Sprintf("ctx had ended, and after that the handler of %s began %v", queue, began[1:]),
			Want: "no further order is begun",
			Why:  "a program that was told to stop has seconds; what it begins now is broken off",
			Wire: s.story(),
			Read: "01-basics/README.md#stop",
		})
		s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(queue) == 1 }), lab.Claim{
			Saw:  fmt.Sprintf("two orders were in %s, one was picked, and %d are there now", queue, s.lab.Depth(queue)),
			Want: "one: what was picked is acked, and what was not begun is there",
			Why:  "with each deployment the running orders are picked twice, or others are lost",
			Wire: s.story(),
			Read: "01-basics/README.md#stop",
		})
	}
}

// mustRun claims that Work hasn't returned yet.
func (s *stage) mustRun(call *lab.Call, saw string) {
	s.lab.Check(call.Running(), lab.Claim{
		Saw:  saw,
		Want: "Work returns when the last of its handlers has, and has been answered for",
		Why:  "the program takes that for the end and exits: an order is broken off, and picked again from the start elsewhere",
		Wire: s.story(),
		Read: "01-basics/README.md#stop",
	})
}

func TestLossWaitsForTheOtherHandlers(t *testing.T) {
	s := newStage(t)
	s.loses(express+" was deleted", func(tap.Event) {
		s.lab.DeleteQueue(express)
		s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.cancel"}, 1) // its consumer is told
	})
}

func TestClosedChannelLeavesTheOthersTheirs(t *testing.T) {
	s := newStage(t)
	s.loses("RabbitMQ closed the channel on which "+express+" is consumed", func(consume tap.Event) {
		if err := s.lab.Tap.CloseChannel(consume.Conn, consume.Channel, amqp.InternalError, "INTERNAL_ERROR"); err != nil {
			s.lab.Failf("close the channel: %v", err)
		}
	})
}

// loses takes express away while the handler of shelves runs, and claims that Work waits for that, lets it answer, and
// begins nothing more.
func (s *stage) loses(what string, take func(consume tap.Event)) {
	s.fill(shelves, direct.Standard, "order-1", "order-2")
	s.fill(express, direct.Priority)
	p := s.pickers()
	letGo := s.block(p, shelves)
	call := s.work(p, shelves, express)
	s.consumes(2)
	s.begins(p, shelves, 1)
	consume, _ := s.lab.Tap.Recording().First(tap.Filter{Method: "basic.consume", Where: func(e tap.Event) bool {
		return e.Method.(*wire.BasicConsume).Queue == express
	}})

	take(consume)
	s.awhile()
	s.mustRun(call, what+", and Work returned while the handler of "+shelves+" was running")
	letGo()

	err := call.Wait()
	s.lab.Check(len(p.hasBegun(shelves)) == 1, lab.Claim{
		Saw:  fmt.Sprintf("%s, and the handler of %s went on to begin %v", what, shelves, p.hasBegun(shelves)[1:]),
		Want: "all stop as when ctx ends: no further order is begun",
		Why:  "as long as there are standard orders Work doesn't return, and nobody hears that the urgent ones are not picked",
		Wire: s.story(),
		Read: "02-exchanges/README.md#direct",
	})
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(shelves) == 1 }), lab.Claim{
		Saw:  fmt.Sprintf("%s; two orders were in %s, one was picked, and %d are there now", what, shelves, s.lab.Depth(shelves)),
		Want: "one: the handler that was running is answered for",
		Why:  "an order is picked twice",
		Wire: s.story(),
		Read: "01-basics/README.md#stop",
	})
	s.names(err, express, what, lab.Claim{Want: "an error that names the queue", Wire: s.story()})
}

func TestLossWaitsForItsOwnHandler(t *testing.T) {
	s := newStage(t)
	s.fill(shelves, direct.Standard)
	s.fill(express, direct.Priority, "order-1")
	p := s.pickers()
	letGo := s.block(p, express)
	call := s.work(p, shelves, express)
	s.consumes(2)
	s.begins(p, express, 1)

	s.lab.DeleteQueue(express)
	s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.cancel"}, 1) // its consumer is told
	s.awhile()

	s.mustRun(call, express+" was deleted, and Work returned while the handler of "+express+" was running")
	letGo()
	s.names(call.Wait(), express, express+" was deleted", lab.Claim{Want: "an error that names the queue", Wire: s.story()})
}

// names claims that Work returned an error that names a queue. What says what happened before.
func (s *stage) names(err error, queue, what string, c lab.Claim) {
	c.Saw = what + ", and Work returned nil"
	s.lab.Error(err, c)
	c.Saw = fmt.Sprintf("%s, and Work returned ctx's error: %v", what, err)
	s.lab.Check(!errors.Is(err, context.Canceled), c)
	c.Saw = fmt.Sprintf("%s, and Work's error doesn't say which: %v", what, err)
	s.lab.Check(strings.Contains(err.Error(), queue), c)
}

func TestNothingStaysOpen(t *testing.T) {
	s := newStage(t)
	s.fill(shelves, direct.Standard, "order-1")
	s.fill(express, direct.Priority)
	p := s.pickers()
	call := s.work(p, shelves, express)
	s.consumes(2)
	s.begins(p, shelves, 1)

	s.lab.NoError(call.Stopped(), lab.Claim{Want: "nil: stopping is no error"})

	s.lab.Check(!s.conn.IsClosed(), lab.Claim{
		Saw:  "Work returned, and its caller's connection is closed",
		Want: "conn stays open: it is the caller's",
		Why:  "one connection serves the whole program: all others who use it are cut off",
		Read: "01-basics/README.md#channel",
	})
	s.lab.Fence(s.conn)
	open := s.lab.OpenChannels(s.conn)
	s.lab.Check(open == 0, lab.Claim{
		Saw:  fmt.Sprintf("Work has returned, and channels that it left open: %d", open),
		Want: "who opens a channel closes it",
		Why:  "RabbitMQ goes on sending orders to a process in which nobody picks them",
		Read: "01-basics/README.md#channel",
	})
}
