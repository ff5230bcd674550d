package blocked_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/4-blocked"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const (
	queue = "orders.placed"
	limit = 2
)

// A stage is a queue with a limit, and a publisher on a connection. Both are the learner's.
type stage struct {
	lab     *lab.Lab
	conn    *amqp.Connection
	pub     *blocked.Publisher
	notices *notices
	after   chan amqp.Blocking // gets each notice when the publisher has got it, and is closed when the publisher's is
	deaf    bool               // RabbitMQ reads no more from the connection
}

// newStage gives a stage whose onBlocked takes note and does nothing else.
func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	s := newQueue(t)
	s.publisher(t, nil)
	return s
}

// newQueue gives a stage without a publisher.
func newQueue(t *testing.T) *stage {
	t.Helper()
	l := lab.New(t)
	s := &stage{lab: l, conn: l.Dial(), notices: &notices{}}
	ch := l.Channel()
	l.NoError(l.Do("Declare", func(context.Context) error { return blocked.Declare(ch, queue, limit) }),
		lab.Claim{Want: "the queue is declared"})
	return s
}

// publisher makes the publisher. then is called by its onBlocked, after that has taken note.
func (s *stage) publisher(t *testing.T, then func(active bool)) {
	t.Helper()
	err := s.lab.Do("NewPublisher", func(context.Context) (err error) {
		s.pub, err = blocked.NewPublisher(s.conn, func(active bool) {
			end := s.notices.begin(active)
			defer end()
			if then != nil {
				then(active)
			}
		})
		return err
	})
	s.lab.NoError(err, lab.Claim{Want: "a publisher"})
	s.after = s.conn.NotifyBlocked(make(chan amqp.Blocking, 16))
	t.Cleanup(s.hangUp)
}

// hangUp closes the connection: with it all ends that waits for it. Where RabbitMQ reads nothing, nobody waits for it to agree.
func (s *stage) hangUp() {
	deadline := time.Now()
	if !s.deaf {
		deadline = deadline.Add(s.lab.Patience(time.Second))
	}
	_ = s.conn.CloseDeadline(deadline)
}

// notices are the calls of onBlocked.
type notices struct {
	mu      sync.Mutex // guards what follows
	heard   []bool     // what the calls said, first first
	running int
	most    int // the highest that running ever was
}

func (n *notices) begin(active bool) (end func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard = append(n.heard, active)
	n.running++
	n.most = max(n.most, n.running)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.running--
	}
}

// all returns what was heard, and how many calls ran at the same time.
func (n *notices) all() (heard []bool, most int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.heard), n.most
}

// mustHear ends the test unless onBlocked has been called so often, and with active the last time.
func (s *stage) mustHear(times int, active bool) {
	came := s.lab.Soon(func() bool { heard, _ := s.notices.all(); return len(heard) >= times })
	heard, _ := s.notices.all()
	s.lab.Check(came && heard[times-1] == active, lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ said that it blocks, or no longer; onBlocked was called with %v", heard),
		Want: fmt.Sprintf("call %d with %t", times, active),
		Why:  "the shop goes on taking orders that it can't hand over, or goes on refusing them for ever",
		Wire: s.wire(),
		Read: "03-durability/README.md#blocked",
	})
}

// delivered waits until the library has handed out one more notice, and whoever takes it has come to rest.
func (s *stage) delivered() {
	select {
	case <-s.after:
	case <-time.After(s.lab.Patience(20 * time.Second)):
		s.lab.Failf("the library has not handed out what RabbitMQ said")
	}
	s.lab.Settle()
}

// lost waits until whoever takes notices has seen that the connection is gone.
func (s *stage) lost() {
	for range s.after {
	}
	s.lab.Settle()
}

// block makes RabbitMQ say that it blocks, and waits until onBlocked has heard it: the times-th call.
func (s *stage) block(times int) {
	s.lab.Tap.Block("low on memory")
	s.mustHear(times, true)
}

// unblock is the contrary of block.
func (s *stage) unblock(times int) {
	s.lab.Tap.Unblock()
	s.mustHear(times, false)
}

// send starts Publish for a message to the queue.
func (s *stage) send(body string) *lab.Call {
	return s.lab.Go("Publish of "+body, func(ctx context.Context) error {
		return s.pub.Publish(ctx, queue, amqp.Publishing{Body: []byte(body)})
	})
}

// mustBe ends the test unless the call returns an error for which fits holds. c.Saw says what went before.
func (s *stage) mustBe(call *lab.Call, fits func(error) bool, c lab.Claim) {
	before := c.Saw
	if c.Read == "" {
		c.Read = "03-durability/README.md#blocked"
	}
	c.Saw = before + "; Publish still waits"
	err := call.WaitOr(c)
	c.Wire = s.wire()
	c.Saw = fmt.Sprintf("%s; Publish returned: %v", before, err)
	s.lab.Check(fits(err), c)
}

func isNil(err error) bool { return err == nil }

// hold keeps back RabbitMQ's answers until the rule is removed.
func (s *stage) hold() *tap.Rule { return s.lab.Tap.Add(tap.HoldConfirm{}) }

var publishing = tap.Filter{From: tap.Client, Method: "basic.publish"}

// sent are the messages that were sent so far, first first, with the first 20 bytes of each.
func (s *stage) sent() (bodies []string) {
	for _, e := range s.lab.Tap.Recording().Find(publishing) {
		bodies = append(bodies, string(e.Body[:min(len(e.Body), 20)]))
	}
	return bodies
}

// mustSend ends the test unless n messages are sent, and lets their callers come to rest.
func (s *stage) mustSend(n int) {
	s.lab.Expect(publishing, n, lab.Claim{
		Saw: fmt.Sprintf("RabbitMQ takes messages, and %d of %d were sent", len(s.sent()), n), Want: "they are sent at once",
	})
	s.awhile()
}

// stopReading makes RabbitMQ read no more from the connection.
func (s *stage) stopReading() *tap.Rule {
	s.deaf = true
	return s.lab.Tap.Add(tap.StopReading{From: tap.Client})
}

// readOn makes RabbitMQ read again.
func (s *stage) readOn(rule *tap.Rule) {
	rule.Remove()
	s.deaf = false
}

// hang makes RabbitMQ read no more from the publisher, and starts a Publish that is too big for the buffers on the way.
func (s *stage) hang() (rule *tap.Rule, call *lab.Call) {
	rule = s.stopReading()
	big := make([]byte, 8<<20)
	copy(big, "big order           ")
	call = s.lab.Go("Publish of a big order", func(ctx context.Context) error {
		return s.pub.Publish(ctx, queue, amqp.Publishing{Body: big})
	})
	s.lab.Await("a write", func() bool { return rule.Struck() > 0 || !call.Running() })
	s.lab.Settle() // it hangs
	return rule, call
}

// awhile lets all functions come to rest, and what they have sent by then is in the recording; so twice, for what an answer
// sets going: whoever was going to act at once has done it.
func (s *stage) awhile() {
	for range 2 {
		s.lab.Settle()
		s.lab.Fence(s.conn)
	}
}

// wire is the part of the recording that tells of messages, of RabbitMQ's answers and of its memory.
func (s *stage) wire() string {
	events := s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "basic.publish", "basic.ack", "basic.nack", "connection.blocked", "connection.unblocked", "disconnect", "channel.close":
			return true
		}
		return false
	}})
	return s.lab.Wire(events[max(0, len(events)-16):]...)
}
