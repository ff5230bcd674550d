package retry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/4-retry"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

const (
	queue = "inventory.commands"
	read  = "04-dlx/README.md#retry"
)

// errStock is what the handler of these tests fails with.
var errStock = errors.New("the stock database is away")

// A stage is a queue with a plan for what fails in it, and a connection over which it is consumed.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection
	ch   *amqp.Channel // on conn: messages come over it, and are acked on it
	plan retry.Plan
}

// newStage gives a queue whose steps are so long that nothing comes back while the test runs.
func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	s := stageOf(lab.New(t), queue, time.Hour, 2*time.Hour)
	s.mustDeclare()
	return s
}

// newTimed gives a queue whose messages come back. Steps are given as the story has them.
func newTimed(t *testing.T, steps ...time.Duration) *stage {
	t.Helper()
	t.Parallel()
	l := lab.NewTimed(t)
	for i, step := range steps {
		steps[i] = l.Time(step)
	}
	s := stageOf(l, queue, steps...)
	s.mustDeclare()
	return s
}

// stageOf makes the queue and nothing else.
func stageOf(l *lab.Lab, queue string, steps ...time.Duration) *stage {
	s := &stage{lab: l, conn: l.Dial(), plan: retry.Plan{Queue: queue, Steps: steps}}
	l.Declare(queue, amqp.Table{"x-queue-type": "quorum"})
	s.renew()
	return s
}

// renew gives the stage a new channel for what is delivered. What had no answer on the old one goes back to its queue.
func (s *stage) renew() {
	if s.ch != nil {
		_ = s.ch.Close()
	}
	var err error
	if s.ch, err = s.conn.Channel(); err != nil {
		s.lab.Failf("open a channel: %v", err)
	}
}

func (s *stage) declare() error {
	return s.lab.Do("Declare", func(context.Context) error {
		ch, err := s.conn.Channel()
		if err != nil {
			return err
		}
		defer ch.Close()
		return s.plan.Declare(ch)
	})
}

func (s *stage) mustDeclare() {
	s.lab.NoError(s.declare(), lab.Claim{Want: "nil: nothing stands in the way of Declare", Read: read})
	for _, q := range append(s.waiting(), s.parked()) {
		s.lab.Check(s.lab.Exists(q), lab.Claim{
			Saw: fmt.Sprintf("Declare returned nil, and there is no queue %q", q), Want: "that queue", Read: read,
		})
	}
}

// waiting returns the names of the queues in which messages wait, of the first step first.
func (s *stage) waiting() (names []string) {
	for _, step := range s.plan.Steps {
		names = append(names, fmt.Sprintf("%s.retry.%v", s.plan.Queue, step))
	}
	return names
}

func (s *stage) parked() string { return s.plan.Queue + ".parked" }

// put puts a message into the queue, and returns it as it is delivered.
func (s *stage) put(m amqp.Publishing) amqp.Delivery {
	s.lab.Put("", s.plan.Queue, m)
	return s.next(string(m.Body) + " was put into the queue")
}

// order is a message whose attempt header is failed; nil: it has no headers.
func order(body string, failed any) amqp.Publishing {
	m := amqp.Publishing{MessageId: body, DeliveryMode: amqp.Persistent, Body: []byte(body)}
	if failed != nil {
		m.Headers = amqp.Table{retry.Attempt: failed}
	}
	return m
}

// next returns the next message of the queue, unanswered.
func (s *stage) next(what string) (d amqp.Delivery) {
	there := s.lab.Soon(func() (ok bool) {
		var err error
		if d, ok, err = s.ch.Get(s.plan.Queue, false); err != nil {
			s.lab.Failf("get a message of %q: %v", s.plan.Queue, err)
		}
		return ok
	})
	s.lab.Check(there, lab.Claim{
		Saw:  fmt.Sprintf("%s; nothing comes out of %s. %s", what, s.plan.Queue, s.places()),
		Want: "it is delivered",
		Why:  "nobody rejected it, and nobody has it: a paid order is gone, and no log says so",
		Wire: s.story(),
		Read: read,
	})
	return d
}

// try calls Retry for a message that has failed.
func (s *stage) try(d amqp.Delivery, cause error, random float64) *lab.Call {
	plan, conn := s.plan, s.conn
	return s.lab.Go("Retry", func(ctx context.Context) error { return plan.Retry(ctx, conn, d, cause, random) })
}

// result waits for the end of a call of Retry, which has no reason to wait.
func (s *stage) result(call *lab.Call) error {
	return call.WaitOr(lab.Claim{
		Saw:  "RabbitMQ has answered, or never will, and Retry has not returned",
		Want: "Retry returns at once: the message waits in a queue, not in the handler",
		Why:  "while one message waits, the consumer handles nothing else; and RabbitMQ closes the channel of one that takes too long",
		Wire: s.story(),
		Read: read,
	})
}

// must is try where nothing stands in the way. When it returns, RabbitMQ has got the ack.
func (s *stage) must(d amqp.Delivery, random float64) {
	s.lab.NoError(s.result(s.try(d, errStock, random)), lab.Claim{
		Want: fmt.Sprintf("nil: nothing stands in the way of %s", d.Body), Wire: s.story(), Read: read,
	})
	s.lab.Fence(s.conn)
}

// sent returns the message as Retry has sent it to a queue, and takes it out there.
func (s *stage) sent(to, what string) amqp.Delivery {
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(to) == 1 }), lab.Claim{
		Saw:  fmt.Sprintf("%s. %s", what, s.places()),
		Want: "one message is in " + to,
		Why:  "it comes again too early, too late, or never",
		Wire: s.story(),
		Read: read,
	})
	return s.lab.Get(to)
}

// places says where messages are.
func (s *stage) places() string {
	var all []string
	for _, q := range append([]string{s.plan.Queue}, append(s.waiting(), s.parked())...) {
		if s.lab.Exists(q) {
			all = append(all, fmt.Sprintf("%s has %d", strings.TrimPrefix(q, "inventory."), s.lab.Depth(q)))
		}
	}
	return "Ready: " + strings.Join(all, ", ")
}

// publishes is what is sent to queues from here on.
var publishes = tap.Filter{From: tap.Client, Method: "basic.publish"}

// acked returns the acks of a delivery that were sent.
func (s *stage) acked(d amqp.Delivery) []tap.Event {
	s.lab.Fence(s.conn)
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
		switch m := e.Method.(type) {
		case *wire.BasicAck:
			return m.DeliveryTag == d.DeliveryTag
		case *wire.BasicNack:
			return m.DeliveryTag == d.DeliveryTag
		case *wire.BasicReject:
			return m.DeliveryTag == d.DeliveryTag
		}
		return false
	}})
}

// story is what went over the wire about messages, without the tests' own questions.
func (s *stage) story() string {
	events := s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "basic.get-ok", "basic.deliver", "basic.publish", "basic.return", "basic.ack", "basic.nack", "basic.reject", "note", "disconnect":
			return true
		}
		return e.Name() == "channel.close" && e.From == tap.Broker
	}})
	return s.lab.Wire(events[max(0, len(events)-8):]...)
}

// nothingStaysOpen claims that the stage's own channel is the only one.
func (s *stage) nothingStaysOpen(when string) {
	s.lab.Check(!s.conn.IsClosed() && !s.ch.IsClosed(), lab.Claim{
		Saw:  when + ": the caller's connection or the channel of the delivery is closed",
		Want: "both stay open: they are the caller's",
		Wire: s.story(),
		Read: read,
	})
	s.lab.Fence(s.conn)
	n := s.lab.OpenChannels(s.conn) - 1
	s.lab.Check(n == 0, lab.Claim{
		Saw:  fmt.Sprintf("%s, and channels are left open: %d", when, n),
		Want: "none: whoever opens a channel closes it",
		Why:  "after 2,047 failed messages nothing works any more on this connection",
		Read: read,
	})
}
