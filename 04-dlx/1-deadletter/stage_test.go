package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/1-deadletter"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const about = "04-dlx/README.md#deadletter"

// bad is the order that validate refuses.
const bad = "order-6 of 0 teapots"

// A stage is an empty broker, with a channel for each of the learner's functions.
type stage struct {
	lab     *lab.Lab
	cleanup func(func())
	ch      *amqp.Channel // for Declare

	mu    sync.Mutex
	asked []string // the orders that validate was asked about. mu guards it
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	l := lab.New(t)
	return &stage{lab: l, cleanup: t.Cleanup, ch: l.Channel()}
}

// newShop gives a stage on which all is declared.
func newShop(t *testing.T) *stage {
	t.Helper()
	s := newStage(t)
	s.mustDeclare("the broker was empty")
	return s
}

// declare calls Declare.
func (s *stage) declare() error {
	ch := s.ch
	err := s.lab.Do("Declare", func(context.Context) error { return deadletter.Declare(ch) })
	s.lab.Check(err != nil || !ch.IsClosed(), lab.Claim{
		Saw: "Declare returned nil, and its channel is closed", Want: "ch stays open: it is the caller's", Read: about,
	})
	return err
}

// mustDeclare calls Declare where nothing stands in its way. before says what went before.
func (s *stage) mustDeclare(before string) {
	err := s.declare()
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("%s, and Declare returned: %v", before, err),
		Want: "nil: nothing that is there differs",
		Why:  "every service declares what it needs when it starts: this one can't",
		Wire: s.declarations(),
		Read: about,
	})
	for _, queue := range []string{deadletter.Queue, deadletter.Parked} {
		s.lab.Check(s.lab.Exists(queue), lab.Claim{
			Saw:  fmt.Sprintf("Declare returned nil, and there is no queue %s", queue),
			Want: "the queues " + deadletter.Queue + " and " + deadletter.Parked,
			Wire: s.declarations(),
			Read: about,
		})
	}
}

// handle starts Handle, on a channel of its own.
func (s *stage) handle() (*lab.Call, *amqp.Channel) {
	ch := s.lab.Channel()
	return s.lab.Go("Handle", func(ctx context.Context) error { return deadletter.Handle(ctx, ch, s.validate) }), ch
}

func (s *stage) validate(d amqp.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, string(d.Body))
	if string(d.Body) == bad {
		s.lab.Note("validate refuses %q", d.Body)
		return errors.New("nothing to pack")
	}
	s.lab.Note("validate accepts %q", d.Body)
	return nil
}

// times returns how often validate was asked about an order.
func (s *stage) times(order string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.asked {
		if o == order {
			n++
		}
	}
	return n
}

// parked waits for the refused order in Parked, and takes it. How says how it came to Queue.
func (s *stage) parked(call *lab.Call, how string) amqp.Delivery {
	s.lab.Soon(func() bool {
		return s.times(bad) > 1 || s.lab.Depth(deadletter.Parked) > 0 || !call.Running()
	})
	claim := lab.Claim{
		Want: "it is in " + deadletter.Parked,
		Read: about,
	}
	claim.Saw = fmt.Sprintf("an order %s was refused, and came again: validate was asked %d times", how, s.times(bad))
	claim.Why = "what was wrong with it is still wrong: it comes some thousand times a second, and keeps a core busy"
	claim.Wire = s.story()
	s.lab.Check(s.times(bad) == 1, claim)
	claim.Saw = fmt.Sprintf("an order %s was refused, and is not in %s", how, deadletter.Parked)
	if !call.Running() {
		claim.Saw += fmt.Sprintf("; Handle returned: %v", call.Wait())
	}
	claim.Why = "RabbitMQ drops a dead letter that finds no queue and tells nobody: a paid order is gone, without a trace"
	claim.Wire = s.declarations()
	s.lab.Check(s.lab.Depth(deadletter.Parked) == 1, claim)
	return s.lab.Get(deadletter.Parked)
}

// stopped stops Handle and claims that it returns nil.
func (s *stage) stopped(call *lab.Call) {
	err := call.Stopped()
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended, and Handle returned an error: %v", err),
		Want: "nil: stopping is no error",
		Why:  "each deployment is logged as a failure, and the failures that matter drown among them",
		Wire: s.story(),
		Read: about,
	})
}

// giveBack closes Handle's channel: RabbitMQ takes back what has no answer.
func (s *stage) giveBack(ch *amqp.Channel) {
	s.lab.Check(!ch.IsClosed(), lab.Claim{
		Saw: "Handle returned nil, and its channel is closed", Want: "ch stays open: it is the caller's", Read: about,
	})
	call := s.lab.Go("Close", func(context.Context) error { return ch.Close() })
	claim := lab.Claim{
		Want: "when Handle has returned, nothing of it is under way on ch",
		Why:  "two calls on one channel take each other's answers: the service never ends, or its log is full of errors",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
			return strings.HasPrefix(e.Name(), "basic.cancel") || strings.HasPrefix(e.Name(), "channel.close")
		}})...),
		Read: "01-basics/README.md#stop",
	}
	claim.Saw = "Handle returned nil, then its caller closed ch, and waits for RabbitMQ's answer in vain"
	err := call.WaitOr(claim)
	claim.Saw = fmt.Sprintf("Handle returned nil, then its caller closed ch: %v", err)
	s.lab.NoError(err, claim)
}

// declarations is the part of the recording that tells what was declared, bound and deleted.
func (s *stage) declarations() string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		name := e.Name()
		class := strings.HasPrefix(name, "exchange.") || strings.HasPrefix(name, "queue.")
		return e.From == tap.Client && class || e.From == tap.Broker && name == "channel.close"
	}})...)
}

// story is the part of the recording that tells of orders.
func (s *stage) story() string {
	const lines = 12 // one that goes in circles makes thousands
	events := s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "basic.consume", "basic.deliver", "basic.publish", "basic.reject", "basic.nack", "note", "channel.close", "disconnect":
			return true
		case "basic.ack":
			return e.From == tap.Client
		}
		return false
	}})
	return s.lab.Wire(events[:min(lines, len(events))]...)
}
