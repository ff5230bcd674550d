package confirm_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/01-basics/3-confirm"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const queue = "inventory.commands"

// A stage is an empty queue, and a connection and a channel for Publish.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection
	ch   *amqp.Channel
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	l := lab.New(t)
	s := &stage{lab: l, conn: l.Dial()}
	ch, err := s.conn.Channel()
	if err != nil {
		s.lab.Failf("open a channel: %v", err)
	}
	s.ch = ch
	t.Cleanup(func() { _ = s.conn.CloseDeadline(time.Now().Add(time.Second)) }) // whoever listens on ch may end now
	s.lab.Declare(queue, nil)
	return s
}

// publish starts Publish.
func (s *stage) publish(body string) *lab.Call {
	return s.lab.Go("Publish", func(ctx context.Context) error { return confirm.Publish(ctx, s.ch, queue, []byte(body)) })
}

// published waits until a fault has met the message, and then for several round trips to the broker: who wants to return
// without waiting for the answer has done it.
func (s *stage) published(call *lab.Call, fault *tap.Rule) {
	s.lab.Soon(func() bool { return !call.Running() || fault.Struck() > 0 })
	s.awhile()
}

// awhile lets several round trips to the broker go by, and then all functions come to rest: whoever was going to act at once
// has done it.
func (s *stage) awhile() {
	for range 5 {
		s.lab.Fence(s.conn)
	}
	s.lab.Settle()
}

// upTo waits until cond holds, but no longer than some milliseconds: for what only a wrong solution does.
func (s *stage) upTo(milliseconds int, cond func() bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(milliseconds)*time.Millisecond)
	defer cancel()
	for ctx.Err() == nil && !cond() {
		s.lab.Fence(s.conn)
	}
}

// publishes are the messages that Publish has sent so far.
func (s *stage) publishes() []tap.Event { return s.lab.Tap.Recording().Find(publishing(0).Filter) }

// publishing is the nth message from now on; 0: each.
func publishing(nth int) tap.Trigger {
	return tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.publish"}, Nth: nth}
}

// confirms is the part of the recording that tells of messages and of RabbitMQ's answers to them.
func (s *stage) confirms() string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "confirm.select", "basic.publish", "basic.ack", "basic.nack", "note", "disconnect":
			return true
		}
		return false
	}})...)
}

// publishedOnce claims that one message was sent, whatever became of it.
func (s *stage) publishedOnce(what string) {
	n := len(s.publishes())
	s.lab.Check(n == 1, lab.Claim{
		Saw:  fmt.Sprintf("%s, and Publish published it %d times", what, n),
		Want: "a call publishes once, and says what became of it",
		Why:  "if the answer was lost and not the message, the order is in the queue twice, and the caller was not asked",
		Wire: s.confirms(),
		Read: "01-basics/README.md#confirm",
	})
}
