package unroutable_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/5-unroutable"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const (
	exchange = "shop.commands"
	lost     = "shop.lost"
	queue    = "inventory.commands"
	key      = "stock.reserve" // queue is bound with it
	typo     = "stock.resreve" // and nothing with this
)

const read = "02-exchanges/README.md#unroutable"

// A stage is a connection with a channel for the learner's code.
type stage struct {
	lab       *lab.Lab
	conn      *amqp.Connection
	ch        *amqp.Channel
	publisher *unroutable.Publisher
}

// newStage gives a stage on a broker that is empty.
func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	return stageAlone(t)
}

// stageAlone is newStage for a test that doesn't run beside others.
func stageAlone(t *testing.T) *stage {
	t.Helper()
	s := &stage{lab: lab.New(t)}
	s.conn = s.lab.Dial()
	s.ch = s.channel()
	conn := s.conn
	t.Cleanup(func() { _ = conn.CloseDeadline(time.Now().Add(time.Second)) }) // whoever listens on ch may end now
	return s
}

// newShop gives a stage with shop.commands, one queue behind it, and a Publisher.
func newShop(t *testing.T) *stage {
	t.Helper()
	s := newStage(t)
	s.inventory()
	s.open()
	return s
}

// shopAlone is newShop for a test that doesn't run beside others.
func shopAlone(t *testing.T) *stage {
	t.Helper()
	s := stageAlone(t)
	s.inventory()
	s.open()
	return s
}

// open makes the Publisher.
func (s *stage) open() {
	err := s.lab.Do("NewPublisher", func(context.Context) (err error) {
		s.publisher, err = unroutable.NewPublisher(s.ch)
		return err
	})
	s.lab.NoError(err, lab.Claim{Want: "a Publisher: the channel is open", Read: read})
}

// inventory declares shop.commands without an alternate exchange, and a queue that gets what is published with key.
func (s *stage) inventory() {
	err := s.lab.Channel().ExchangeDeclare(exchange, "direct", true, false, false, false, nil)
	if err != nil {
		s.lab.Failf("declare %s: %v", exchange, err)
	}
	s.lab.Declare(queue, nil)
	s.bind(key)
}

// bind lets the queue have what is published with a key.
func (s *stage) bind(key string) {
	if err := s.lab.Channel().QueueBind(queue, key, exchange, false, nil); err != nil {
		s.lab.Failf("bind %s: %v", queue, err)
	}
}

// unbind undoes bind.
func (s *stage) unbind(key string) {
	if err := s.lab.Channel().QueueUnbind(queue, key, exchange, nil); err != nil {
		s.lab.Failf("unbind %s: %v", queue, err)
	}
}

// channel opens one more channel for the learner's code.
func (s *stage) channel() *amqp.Channel {
	ch, err := s.conn.Channel()
	if err != nil {
		s.lab.Failf("open a channel: %v", err)
	}
	return ch
}

// publish starts Publish for a message that says of itself which order it is about.
func (s *stage) publish(order, key string) *lab.Call {
	return s.send(key, amqp.Publishing{MessageId: order, Body: []byte(order)})
}

// send starts Publish.
func (s *stage) send(key string, m amqp.Publishing) *lab.Call {
	return s.lab.Go("Publish", func(ctx context.Context) error { return s.publisher.Publish(ctx, exchange, key, m) })
}

// sent waits until n messages have been sent since the stage was made, and then until the calls have come to their next wait.
func (s *stage) sent(n int) {
	s.mustSend(n)
	s.awhile()
}

// mustSend ends the test unless n messages are sent.
func (s *stage) mustSend(n int) {
	came := s.lab.Soon(func() bool { return s.published() >= n })
	s.lab.Check(came, lab.Claim{
		Saw:  fmt.Sprintf("%d calls of Publish are under way, and %d messages were sent", n, s.published()),
		Want: "each call sends at once: it waits for its own answer, and not for the others'",
		Why:  "one slow answer, and all requests of the shop stand in line behind it",
		Wire: s.few(publishing(0).Filter),
		Read: read,
	})
}

// awhile lets some round trips to the broker go by (a fence is three), and then all functions come to rest: whoever was going
// to act at once has done it.
func (s *stage) awhile() {
	s.lab.Fence(s.conn)
	s.lab.Settle()
}

// holdConfirm keeps back RabbitMQ's answer to the nth message from now on.
func (s *stage) holdConfirm(nth int) *tap.Rule {
	return s.lab.Tap.Add(tap.HoldConfirm{On: publishing(nth)})
}

// publishes are the messages that Publish has sent so far.
func (s *stage) publishes() []tap.Event { return s.lab.Tap.Recording().Find(publishing(0).Filter) }

// published is how many messages Publish has sent so far.
func (s *stage) published() int { return s.lab.Tap.Recording().Count(publishing(0).Filter) }

// few is the beginning of what the recording has of one kind, for the label wire.
func (s *stage) few(f tap.Filter) string {
	events := s.lab.Tap.Recording().Find(f)
	return s.lab.Wire(events[:min(3, len(events))]...)
}

// publishing is the nth message from now on; 0: each.
func publishing(nth int) tap.Trigger {
	return tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.publish"}, Nth: nth}
}

// returning are messages that RabbitMQ gives back.
var returning = tap.Filter{From: tap.Broker, Method: "basic.return"}

// mustReturn ends the test unless RabbitMQ gives back n messages. They may be held.
func (s *stage) mustReturn(n int) {
	s.lab.Expect(returning, n, lab.Claim{
		Saw:  "no queue takes what was sent, and RabbitMQ did not give it back: it was not asked to",
		Want: "RabbitMQ gives back what no queue takes",
		Why:  "RabbitMQ acks what nobody asked for, and forgets it: the stock is never reserved, and nobody is told",
		Wire: s.few(publishing(0).Filter),
		Read: read,
	})
}

// answers is the part of the recording that tells of messages and of what RabbitMQ says about them.
func (s *stage) answers() string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "basic.publish", "basic.return", "basic.ack", "basic.nack", "note", "disconnect":
			return true
		}
		return false
	}})...)
}

// isUnroutable tells whether a caller learns from err that no queue took its message.
func isUnroutable(err error) bool {
	var u *unroutable.Unroutable
	return errors.As(err, &u)
}

// mustBeRoutable claims that a call, whose message a queue took, returns nil. before says what went before.
func (s *stage) mustBeRoutable(call *lab.Call, before string) {
	claim := lab.Claim{
		Want: "nil: a queue took this message, and RabbitMQ acked it",
		Why:  "the caller sends it again, or gives the order up: it is in the queue all the same",
		Read: read,
	}
	claim.Saw = before + ": Publish goes on waiting"
	err := call.WaitOr(claim)
	claim.Saw = fmt.Sprintf("%s: Publish returned: %v", before, err)
	claim.Wire = s.answers()
	s.lab.NoError(err, claim)
}

// mustBeUnroutable claims that a call, whose message no queue took, returns an Unroutable. before says what went before.
func (s *stage) mustBeUnroutable(call *lab.Call, before string) {
	claim := lab.Claim{
		Want: "an *Unroutable: RabbitMQ gave this message back, before it acked it",
		Why:  "the outbox marks the command as sent, and it is nowhere: stock is never reserved, and nobody is told",
		Read: read,
	}
	claim.Saw = before + ": Publish goes on waiting"
	err := call.WaitOr(claim)
	claim.Wire = s.answers()
	claim.Saw = before + ": Publish returned nil"
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("%s: Publish returned: %v", before, err)
	s.lab.Check(isUnroutable(err), claim)
}
