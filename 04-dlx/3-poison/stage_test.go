package poison_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/3-poison"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const (
	queue  = "inventory.commands"
	parked = queue + ".parked"
	ahead  = 10 // the prefetch of the contract

	about = "04-dlx/README.md#poison"
)

// What a handle of these tests can fail with.
var (
	errBroken  = errors.New("there is no such product")
	errPanic   = errors.New("make the handle panic") // told to a handle, it panics
	errLate    = fmt.Errorf("ask the carrier: %w", context.DeadlineExceeded)
	errGivenUp = fmt.Errorf("ask the carrier: %w", context.Canceled)
)

// A stage is a queue that Declare made, and a process that consumes it: a connection with one channel.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection
	ch   *amqp.Channel

	// The handle of these tests does nothing by itself: it reports that it runs, and ends as the test tells it.
	//
	//	Consume ── handle ──► begun ──► test
	//	        ◄─ error ───  job.end ◄──
	begun   chan job
	over    chan struct{} // closed when the test ends: handles that still run return
	running atomic.Int32  // handles
	beside  atomic.Bool   // two have run at a time
}

// A job is one delivery in the hands of a handle.
type job struct {
	amqp.Delivery
	attempt int
	ctx     context.Context // what the handle was given
	end     chan error      // what it is to return
}

// order is the message's body: "order-7".
func (j job) order() string { return string(j.Body) }

// newStage has the queues declared, and puts these orders into the first.
func newStage(t *testing.T, attempts int, orders ...string) *stage {
	t.Helper()
	s := newBareStage(t, lab.New)
	s.declare(attempts)
	s.lab.Publish(queue, orders...)
	return s
}

// newBareStage has no queues yet.
func newBareStage(t *testing.T, broker func(testing.TB) *lab.Lab) *stage {
	t.Helper()
	t.Parallel()
	s := &stage{lab: broker(t), begun: make(chan job, 1000), over: make(chan struct{})}
	t.Cleanup(func() { close(s.over) })
	s.start()
	return s
}

// start connects, as a process does that starts.
func (s *stage) start() {
	s.conn = s.lab.Dial()
	ch, err := s.conn.Channel()
	if err != nil {
		s.lab.Failf("open a channel: %v", err)
	}
	s.ch = ch
}

// declare calls Declare where nothing stands in its way.
func (s *stage) declare(attempts int) {
	err := s.tryDeclare(attempts)
	s.lab.NoError(err, lab.Claim{Want: "Declare returns nil: nothing stands in its way", Wire: s.told("queue.declare"), Read: about})
	for _, name := range []string{queue, parked} {
		s.lab.Check(s.lab.Exists(name), lab.Claim{
			Saw: "Declare returned nil, and there is no queue " + name, Want: "the queue", Read: about,
		})
	}
}

func (s *stage) tryDeclare(attempts int) error {
	return s.lab.Do("Declare", func(context.Context) error { return poison.Declare(s.ch, queue, attempts) })
}

// numbered returns order-1 … order-n.
func numbered(n int) []string {
	orders := make([]string, n)
	for i := range orders {
		orders[i] = fmt.Sprintf("order-%d", i+1)
	}
	return orders
}

// consume starts Consume. A panic of a handle that comes through it ends Consume, as it would end the process.
func (s *stage) consume() *lab.Call {
	ch := s.ch
	return s.lab.Go("Consume", func(ctx context.Context) (err error) {
		defer func() {
			if r := recover(); r != nil {
				s.lab.Note("the panic ends the process")
				err = fmt.Errorf("the process died of: %v", r)
			}
		}()
		return poison.Consume(ctx, ch, queue, s.handle)
	})
}

func (s *stage) handle(ctx context.Context, d amqp.Delivery, attempt int) error {
	if s.running.Add(1) > 1 {
		s.beside.Store(true)
	}
	defer s.running.Add(-1)
	j := job{Delivery: d, attempt: attempt, ctx: ctx, end: make(chan error, 1)}
	s.lab.Note("handle of %q begins, attempt %d", j.order(), attempt)
	var err error
	select {
	case s.begun <- j:
	case <-s.over:
		return errBroken
	}
	select {
	case err = <-j.end:
	case <-s.over:
		return errBroken
	}
	s.lab.Note("handle of %q %s", j.order(), ends(err))
	if errors.Is(err, errPanic) {
		panic(fmt.Sprintf("the handle of %s panics. Consume recovers that, in the goroutine that calls handle", j.order()))
	}
	return err
}

// ends says how a handle ends that is told err.
func ends(err error) string {
	switch err {
	case nil:
		return "returns nil"
	case errPanic:
		return "panics"
	case errLate, errGivenUp:
		return "returns " + errors.Unwrap(err).Error()
	}
	return "returns an error"
}

// next waits until a handle begins, or until stop says that none will; then ok is false.
func (s *stage) next(call *lab.Call, stop func() bool) (j job, ok bool) {
	s.lab.Soon(func() bool {
		select {
		case j = <-s.begun:
			ok = true
			return true
		default:
			return !call.Running() || stop != nil && stop()
		}
	})
	return j, ok
}

// must is next where nothing stands in the way.
func (s *stage) must(call *lab.Call, saw string) job {
	j, ok := s.next(call, nil)
	if !ok && !call.Running() {
		saw = fmt.Sprintf("%s; Consume returned: %v", saw, call.Wait())
	}
	s.lab.Check(ok, lab.Claim{
		Saw:  saw,
		Want: "Consume hands each message to handle",
		Wire: s.story(),
		Read: about,
	})
	return j
}

// first is must for the first message.
func (s *stage) first(call *lab.Call) job {
	return s.must(call, "messages wait in the queue, and handle is not called")
}

// bodies are those of all that is in a queue. They are taken out.
func (s *stage) bodies(queue string) []string {
	var all []string
	for _, d := range s.lab.Drain(queue) {
		all = append(all, string(d.Body))
	}
	return all
}

// answered returns the answers to a delivery tag of this process so far.
func (s *stage) answered(tag uint64) []tap.Event {
	s.lab.Fence(s.conn)
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: tap.Answers(tag)})
}

// story is the part of the recording that tells of messages: what was delivered, handled, answered, and how it ended.
func (s *stage) story() string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "basic.deliver", "basic.publish", "note", "basic.cancel", "basic.cancel-ok", "channel.close", "disconnect":
			return true
		}
		return e.From == tap.Client && tap.Answers(0)(e)
	}})...)
}

// told returns what the learner's code asked for by a method.
func (s *stage) told(method string) string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: method})...)
}

// sent waits until RabbitMQ has sent n messages of the queue that nobody has answered, and the client has read them. It is no
// claim: where fewer are sent, another test says so.
func (s *stage) sent(call *lab.Call, n int) {
	s.lab.Soon(func() bool { return s.lab.Unacked(queue) >= n || !call.Running() })
	s.lab.Fence(s.conn)
}

// crash lets the process die, and starts it anew.
func (s *stage) crash() {
	s.lab.Note("the process dies")
	s.lab.Tap.CutAll()
	s.lab.Await("RabbitMQ to notice the crash", func() bool { return s.lab.Consumers(queue) == 0 })
	s.start()
}

// stopped stops Consume, and claims that it returns nil.
func (s *stage) stopped(call *lab.Call) {
	call.Stop()
	err := call.WaitOr(lab.Claim{
		Saw:  "ctx ended, no handle runs, and Consume has not returned",
		Want: "Consume returns nil",
		Why:  "the program can't be stopped: the supervisor kills it, and that costs whatever was sent here an attempt",
		Wire: s.story(),
		Read: about,
	})
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended, and Consume returned an error: %v", err),
		Want: "nil: stopping is no error",
		Why:  "each deployment is logged as a failure, and the failures that matter drown among them",
		Wire: s.story(),
		Read: about,
	})
}
