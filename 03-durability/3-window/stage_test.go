package window_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/3-window"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const (
	queue   = "inventory.commands"
	nowhere = "inventory.comands" // a typing error: there is no such queue
)

// A stage is an empty queue and a publisher on a connection.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection
	pub  *window.Publisher // nil: none, or it has been closed
}

// newStage gives a stage whose publisher has a window of so many messages.
func newStage(t *testing.T, size int) *stage {
	t.Helper()
	t.Parallel()
	return newStageAlone(t, size)
}

// newStageAlone gives a stage to a test that doesn't run beside others: it leaves them no time.
func newStageAlone(t *testing.T, size int) *stage {
	t.Helper()
	l := lab.New(t)
	l.Declare(queue, nil)
	s := &stage{lab: l, conn: l.Dial()}
	err := l.Do("NewPublisher", func(context.Context) (err error) {
		s.pub, err = window.NewPublisher(s.conn, size)
		return err
	})
	l.NoError(err, lab.Claim{Want: "a publisher"})
	t.Cleanup(func() {
		if s.pub != nil && !t.Failed() {
			l.NoError(s.closing().Wait(), lab.Claim{Want: "Close returns nil: every message was answered"})
		}
		_ = s.conn.CloseDeadline(time.Now().Add(time.Second)) // whoever listens there may end now
	})
	return s
}

// A sending is a call of Publish.
type sending struct {
	*lab.Call
	body   string
	mu     sync.Mutex // guards result
	result window.Result
}

// send starts Publish for the message body to the queue.
func (s *stage) send(body string) *sending {
	return s.sendTo(queue, amqp.Publishing{Body: []byte(body)})
}

// sendTo starts Publish to a queue, by the default exchange.
func (s *stage) sendTo(key string, m amqp.Publishing) *sending {
	return s.sendAs(key, m, func(ctx context.Context) context.Context { return ctx })
}

// sendAs starts Publish with a context that is made of the call's.
func (s *stage) sendAs(key string, m amqp.Publishing, with func(context.Context) context.Context) *sending {
	pub, sent := s.pub, &sending{body: string(m.Body)}
	sent.Call = s.lab.Go("Publish of "+sent.body, func(ctx context.Context) error {
		result, err := pub.Publish(with(ctx), "", key, m)
		sent.mu.Lock()
		defer sent.mu.Unlock()
		sent.result = result
		return err
	})
	return sent
}

// got is the result of a sending that has returned.
func (c *sending) got() window.Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.result
}

// mustBe ends the test unless the sending returns a result without an error. c.Saw says what went before.
func (s *stage) mustBe(sent *sending, want window.Result, c lab.Claim) {
	before := c.Saw
	if c.Want == "" {
		c.Want = fmt.Sprintf("%s: %s, and no error", sent.body, want)
	}
	if c.Read == "" {
		c.Read = "03-durability/README.md#window"
	}
	c.Saw = fmt.Sprintf("%s; Publish of %s still waits", before, sent.body)
	err := sent.WaitOr(c)
	c.Wire = s.confirms()
	c.Saw = fmt.Sprintf("%s; Publish of %s returned %s and the error: %v", before, sent.body, sent.got(), err)
	s.lab.Check(err == nil, c)
	c.Saw = fmt.Sprintf("%s; Publish of %s returned %s", before, sent.body, sent.got())
	s.lab.Check(sent.got() == want, c)
}

// mustBeUnknown ends the test unless the sending returns Unknown and an error. It returns the error.
func (s *stage) mustBeUnknown(sent *sending, c lab.Claim) error {
	before := c.Saw
	c.Want = fmt.Sprintf("%s: unknown, and an error that says why", sent.body)
	if c.Read == "" {
		c.Read = "03-durability/README.md#window"
	}
	c.Saw = fmt.Sprintf("%s; Publish of %s still waits", before, sent.body)
	err := sent.WaitOr(c)
	c.Wire = s.confirms()
	c.Saw = fmt.Sprintf("%s; Publish of %s returned %s and the error: %v", before, sent.body, sent.got(), err)
	s.lab.Check(err != nil && sent.got() == window.Unknown, c)
	return err
}

// closing starts Close. The stage has no publisher any more.
func (s *stage) closing() *lab.Call {
	pub := s.pub
	s.pub = nil
	return s.lab.Go("Close", pub.Close)
}

// hold keeps back RabbitMQ's answers to these messages, to all if there are none, until the rule is removed.
func (s *stage) hold(bodies ...string) *tap.Rule {
	return s.lab.Tap.Add(tap.HoldConfirm{On: publishing(bodies...)})
}

// refuse makes RabbitMQ nack these messages.
func (s *stage) refuse(bodies ...string) *tap.Rule {
	return s.lab.Tap.Add(tap.Refuse{On: publishing(bodies...)})
}

// publishing means the publishes of these messages; of all if there are none.
func publishing(bodies ...string) tap.Trigger {
	return tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.publish", Where: func(e tap.Event) bool {
		for _, body := range bodies {
			if string(e.Body) == body {
				return true
			}
		}
		return len(bodies) == 0
	}}}
}

// sent are the messages that were published so far, first first.
func (s *stage) sent() (bodies []string) {
	for _, e := range s.lab.Tap.Recording().Find(publishing().Filter) {
		bodies = append(bodies, string(e.Body))
	}
	return bodies
}

// mustSend ends the test unless n messages are published. c says what is wrong if they are not.
func (s *stage) mustSend(n int, c lab.Claim) {
	came := s.lab.Soon(func() bool { return len(s.sent()) >= n })
	c.Saw = fmt.Sprintf("%s; %d messages were sent", c.Saw, len(s.sent()))
	c.Read = "03-durability/README.md#window"
	s.lab.Check(came, c)
}

// out waits until the messages of all these sendings are published, and their callers have come to rest.
func (s *stage) out(all ...*sending) {
	for _, sent := range all {
		came := s.lab.Soon(func() bool { return len(s.lab.Tap.Recording().Find(publishing(sent.body).Filter)) > 0 })
		s.lab.Check(came, lab.Claim{
			Saw:  fmt.Sprintf("there is a place in the window, and %s is not sent", sent.body),
			Want: "it is sent at once, though others are not answered yet",
			Why:  "at 5 ms to the broker, one message after the other makes 80 a second",
			Read: "03-durability/README.md#window",
		})
	}
	s.awhile()
}

// awhile lets all functions come to rest, and what they have sent by then is in the recording; so twice, for what an answer
// sets going: whoever was going to act at once has done it.
func (s *stage) awhile() {
	for range 2 {
		s.lab.Settle()
		s.lab.Fence(s.conn)
	}
}

// confirms is the part of the recording that tells of messages and of RabbitMQ's answers to them: the end of it, where it is
// long.
func (s *stage) confirms() string {
	events := s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "confirm.select", "basic.publish", "basic.return", "basic.ack", "basic.nack", "note", "disconnect", "channel.close":
			return e.Conn == 0 || s.ours(e)
		}
		return false
	}})
	if len(events) > 16 {
		events = events[len(events)-16:]
	}
	return s.lab.Wire(events...)
}

// ours tells whether an event is of the publisher's connection.
func (s *stage) ours(e tap.Event) bool {
	name, _ := s.conn.Config.Properties["connection_name"].(string)
	for _, c := range s.lab.Tap.Connections() {
		if c.ID == e.Conn {
			return c.Name == name
		}
	}
	return false
}
