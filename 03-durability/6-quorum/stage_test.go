package quorum_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/6-quorum"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

const queue = "inventory.commands"

// doors is enough where nodes only have to look dead: three addresses that lead to one broker. One test has a real cluster.
var doors = lab.Config{Doors: 3}

// A stage is a broker with several addresses.
type stage struct {
	lab    *lab.Lab
	pauses atomic.Int32 // so often Pause was called
}

// errEnough is what Pause returns when it is called for the third time.
var errEnough = errors.New("the shop closes")

const enough = 3

// pause is Publisher.Pause. It doesn't wait: a real node that has to elect is given time by leader_test.go.
func (s *stage) pause(context.Context) error {
	if s.pauses.Add(1) >= enough {
		return errEnough
	}
	return nil
}

func newStage(t *testing.T, c lab.Config) *stage {
	t.Helper()
	t.Parallel()
	return &stage{lab: c.New(t)}
}

// withQueue is newStage with the queue that Publish is to fill.
func withQueue(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, doors)
	s.lab.Declare(queue, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 20})
	return s
}

// declare calls Declare on a channel of its own and returns its error.
func (s *stage) declare() error {
	ch := s.lab.Channel()
	return s.lab.Do("Declare", func(context.Context) error { return quorum.Declare(ch, queue) })
}

// mustDeclare calls Declare where nothing stands in its way.
func (s *stage) mustDeclare() {
	s.lab.NoError(s.declare(), lab.Claim{
		Want: "nil: nothing speaks against the queue",
		Why:  "the service doesn't start",
		Wire: s.told("queue.declare", "channel.close"),
		Read: "03-durability/README.md#quorum",
	})
}

// messages are order-1, order-2 … order-n.
func messages(n int) []quorum.Message {
	var all []quorum.Message
	for i := range n {
		id := fmt.Sprint("order-", i+1)
		all = append(all, quorum.Message{ID: id, Body: []byte("stock.reserve " + id)})
	}
	return all
}

// publish starts Publish.
func (s *stage) publish(n int) *lab.Call { return s.publishBy(s.publisher(), n) }

// publisher knows all addresses.
func (s *stage) publisher() quorum.Publisher {
	return quorum.Publisher{URLs: s.lab.URLs, Pause: s.pause}
}

func (s *stage) publishBy(p quorum.Publisher, n int) *lab.Call {
	return s.lab.Go("Publish", func(ctx context.Context) error { return p.Publish(ctx, queue, messages(n)) })
}

// stuck starts Publish with six orders, lets three of them be confirmed, and has a fault keep back the others.
func (s *stage) stuck(p quorum.Publisher, fault tap.Fault) (call *lab.Call, release func()) {
	rule := s.lab.Tap.Add(fault)
	call = s.publishBy(p, 6)
	s.lab.Soon(func() bool { return !call.Running() || rule.Struck() > 0 && s.allConfirmed(3) })
	s.lab.Settle()
	return call, rule.Remove
}

// struck waits until a fault has met a message, and then until Publish rests: who wants to return has done it.
func (s *stage) struck(call *lab.Call, fault *tap.Rule) {
	s.lab.Soon(func() bool { return !call.Running() || fault.Struck() > 0 })
	s.lab.Settle()
}

// from are publishes of order-n and those that follow it.
func from(n int) tap.Trigger {
	later := func(e tap.Event) bool {
		var number int
		_, err := fmt.Sscanf(string(e.Body), "stock.reserve order-%d", &number)
		return err == nil && number >= n
	}
	return tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.publish", Where: later}}
}

// the is the first publish of order-n alone.
func the(n int) tap.Trigger {
	body := fmt.Sprint("stock.reserve order-", n)
	only := func(e tap.Event) bool { return string(e.Body) == body }
	return tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.publish", Where: only}, Nth: 1}
}

// id is what a publish calls its message.
func id(e tap.Event) string {
	if e.Header == nil || e.Header.Properties.MessageId == nil {
		return ""
	}
	return *e.Header.Properties.MessageId
}

// order is which message a publish is, whatever it calls it.
func order(e tap.Event) string { return strings.TrimPrefix(string(e.Body), "stock.reserve ") }

// A place is where a confirm counts: a channel of a connection.
type place struct {
	conn    int
	channel uint16
}

// confirmed returns, for each order, when its first ack passed the tap: the number of that event.
func (s *stage) confirmed() map[string]int {
	at := make(map[string]int)
	sent := make(map[place]map[uint64]string)
	for _, e := range s.lab.Tap.Recording().All() {
		p := place{e.Conn, e.Channel}
		if e.Name() == "basic.publish" && e.Number > 0 {
			if sent[p] == nil {
				sent[p] = make(map[uint64]string)
			}
			sent[p][e.Number] = order(e)
		}
		ack, is := e.Method.(*wire.BasicAck)
		if !is || e.From != tap.Broker || e.Fate == tap.Dropped || e.Fate == tap.Held {
			continue
		}
		for number, order := range sent[p] {
			if number == ack.DeliveryTag || ack.Multiple && number <= ack.DeliveryTag {
				if at[order] == 0 {
					at[order] = e.Seq
				}
				delete(sent[p], number)
			}
		}
	}
	return at
}

// allConfirmed tells whether order-1 to order-n are.
func (s *stage) allConfirmed(n int) bool {
	at := s.confirmed()
	for _, m := range messages(n) {
		if at[m.ID] == 0 {
			return false
		}
	}
	return true
}

// asked is how many connections were tried, those to dead nodes too.
func (s *stage) asked() int {
	return s.lab.Tap.Recording().Count(tap.Filter{From: tap.Here, Where: func(e tap.Event) bool {
		return e.Name() == "connect" || strings.HasPrefix(e.Text, "a new connection is refused")
	}})
}

// stored takes all messages out of the queue and returns their ids.
func (s *stage) stored() []string {
	ids := []string{}
	for _, m := range s.lab.Drain(queue) {
		ids = append(ids, m.MessageId)
	}
	return ids
}

// once leaves out second copies.
func once(ids []string) []string {
	var first []string
	for _, id := range ids {
		if !slices.Contains(first, id) {
			first = append(first, id)
		}
	}
	return first
}

// ids are those of order-1 to order-n.
func ids(n int) []string {
	var all []string
	for _, m := range messages(n) {
		all = append(all, m.ID)
	}
	return all
}

// confirms is the part of the recording that tells of messages, answers and connections.
func (s *stage) confirms() string {
	return s.told("connect", "basic.publish", "basic.ack", "basic.nack", "basic.return", "note", "disconnect")
}

// told is the part of the recording that has the given methods.
func (s *stage) told(methods ...string) string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		return slices.Contains(methods, e.Name())
	}})...)
}
