package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/6-replay"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

const (
	events    = "shop.events"        // a topic exchange
	inventory = "inventory.commands" // gets "order.*" of it
	billing   = "billing.commands"   // gets the same
	returns   = "returns.commands"   // gets what is sent to it by name
	dlx       = "shop.dead"          // a fanout exchange: where these queues send their dead
	dead      = "shop.dead"          // the queue behind it

	about = "04-dlx/README.md#replay"
)

// A stage is a shop in which messages can die, and a connection for Replay.
//
//	             ┌─ order.* ─► inventory.commands ─ dies ─┐
//	shop.events ─┤                                        ├─► shop.dead (exchange) ─► shop.dead (queue)
//	             └─ order.* ─► billing.commands           │
//	                           returns.commands ── dies ──┘
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection
	ch   *amqp.Channel // the test's own
}

func newStage(t *testing.T) *stage {
	t.Helper()
	return newStageWith(t, nil)
}

// newStageWith gives the dead letter queue arguments.
func newStageWith(t *testing.T, args amqp.Table) *stage {
	t.Helper()
	t.Parallel()
	l := lab.New(t)
	s := &stage{lab: l, conn: l.Dial(), ch: l.Channel()}
	s.must(s.ch.ExchangeDeclare(dlx, amqp.ExchangeFanout, true, false, false, false, nil))
	s.must(s.ch.ExchangeDeclare(events, amqp.ExchangeTopic, true, false, false, false, nil))
	l.Declare(dead, args)
	s.must(s.ch.QueueBind(dead, "", dlx, false, nil))
	for _, queue := range []string{inventory, billing} {
		l.Declare(queue, amqp.Table{"x-dead-letter-exchange": dlx})
		s.must(s.ch.QueueBind(queue, "order.*", events, false, nil))
	}
	s.declareReturns(nil)
	return s
}

// declareReturns declares returns.commands, with further arguments.
func (s *stage) declareReturns(args amqp.Table) {
	all := amqp.Table{"x-dead-letter-exchange": dlx}
	for key, value := range args {
		all[key] = value
	}
	s.lab.Declare(returns, all)
}

func (s *stage) must(err error) {
	if err != nil {
		s.lab.Failf("set up the stage: %v", err)
	}
}

// order is a message such as most of these tests send.
func order(id string) amqp.Publishing {
	return amqp.Publishing{MessageId: id, DeliveryMode: amqp.Persistent, Body: []byte(id)}
}

// dies sends orders to a queue, where they die one after another.
func (s *stage) dies(queue string, ids ...string) {
	for _, id := range ids {
		s.lab.Put("", queue, order(id))
		s.reject(queue)
	}
}

// reject lets the next message of a queue die, and waits until it is in the dead letter queue.
func (s *stage) reject(queue string) {
	before := s.lab.Depth(dead)
	var d amqp.Delivery
	s.lab.Await("a message in "+queue, func() bool {
		var ok bool
		var err error
		d, ok, err = s.ch.Get(queue, false)
		s.must(err)
		return ok
	})
	s.must(d.Reject(false))
	s.lab.Await("a message in "+dead, func() bool { return s.lab.Depth(dead) > before })
}

// A run is one call of Replay.
type run struct {
	*lab.Call
	moved int // what it returned, when it has
}

// replay starts Replay.
func (s *stage) replay(limit int) *run { return s.replayWith(limit, nil) }

// replayWith starts Replay with another ctx.
func (s *stage) replayWith(limit int, change func(context.Context) context.Context) *run {
	r := &run{}
	r.Call = s.lab.Go("Replay", func(ctx context.Context) error {
		if change != nil {
			ctx = change(ctx)
		}
		var err error
		r.moved, err = replay.Replay(ctx, s.conn, dead, limit)
		return err
	})
	return r
}

// mustMove calls Replay where nothing stands in its way, and claims that it moves n.
func (s *stage) mustMove(limit, n int) {
	run := s.replay(limit)
	s.lab.NoError(run.Wait(), lab.Claim{
		Want: "Replay returns nil: each message has a queue to go to",
		Why:  "the human at the console searches for a fault that there isn't",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(run.moved == n, lab.Claim{
		Saw:  fmt.Sprintf("Replay with limit %d returned %d", limit, run.moved),
		Want: fmt.Sprintf("%d: so many messages went back", n),
		Why:  "the human at the console repeats what was done, or believes in what wasn't",
		Wire: s.story(),
		Read: about,
	})
}

// ids takes all messages out of a queue, and returns their ids.
func (s *stage) ids(queue string) []string { return idsOf(s.lab.Drain(queue)) }

func idsOf(ds []amqp.Delivery) []string {
	ids := []string{}
	for _, d := range ds {
		ids = append(ids, d.MessageId)
	}
	return ids
}

// holds claims that a queue holds these messages, and takes them out.
func (s *stage) holds(queue string, c lab.Claim, want ...string) {
	s.lab.Soon(func() bool { return s.lab.Depth(queue) >= len(want) })
	got := s.ids(queue)
	if want == nil {
		want = []string{}
	}
	c.Saw = strings.TrimPrefix(fmt.Sprintf("%s; %s has %q", c.Saw, queue, got), "; ")
	if c.Want == "" {
		c.Want = fmt.Sprintf("%q", want)
	}
	if c.Wire == "" {
		c.Wire = s.story()
	}
	c.Read = about
	s.lab.Check(slices.Equal(got, want), c)
}

// stuck claims that err is a *StuckError with messages of these ids and queues, in any order.
func (s *stage) stuck(err error, want ...replay.Stuck) {
	var e *replay.StuckError
	claim := lab.Claim{
		Saw:  fmt.Sprintf("%d messages can't go back, and Replay returned: %v", len(want), err),
		Want: "a *StuckError that names them: id, and the queue in which they died",
		Why:  "the human at the console believes that all went back, and nobody looks into the dead letter queue again",
		Wire: s.story(),
		Read: about,
	}
	s.lab.Error(err, claim)
	s.lab.Check(errors.As(err, &e) && e != nil, claim)
	claim.Saw = fmt.Sprintf("Replay returned a *StuckError with %+v", e.Messages)
	claim.Want = fmt.Sprintf("%d messages: %+v", len(want), want)
	s.lab.Check(len(e.Messages) == len(want), claim)
	for _, w := range want {
		s.lab.Check(slices.ContainsFunc(e.Messages, func(m replay.Stuck) bool { return m.ID == w.ID && m.Queue == w.Queue }), claim)
	}
}

// story is what went over the wire about messages: taken out, published, returned, answered.
func (s *stage) story() string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "basic.get-ok", "basic.deliver", "basic.publish", "basic.return", "basic.ack", "basic.nack", "basic.reject", "note",
			"channel.close", "disconnect":
			return true
		}
		return false
	}})...)
}

// published is how many messages the client has sent to a queue by name since the event with this number.
func (s *stage) published(queue string, since int) int {
	return s.lab.Tap.Recording().Count(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
		m, ok := e.Method.(*wire.BasicPublish)
		return ok && e.Seq > since && m.Exchange == "" && m.RoutingKey == queue
	}})
}

// taken is how often a message was taken out of a queue since the event with this number.
func (s *stage) taken(id string, since int) int {
	return s.lab.Tap.Recording().Count(tap.Filter{From: tap.Broker, Where: func(e tap.Event) bool {
		return e.Seq > since && (e.Name() == "basic.get-ok" || e.Name() == "basic.deliver") && string(e.Body) == id
	}})
}

// acked is how many messages RabbitMQ was told to forget since the event with this number.
func (s *stage) acked(since int) int {
	type delivery struct {
		conn    int
		channel uint16
		tag     uint64
	}
	open := make(map[delivery]bool)
	n := 0
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool { return e.Seq > since }}) {
		switch m := e.Method.(type) {
		case *wire.BasicGetOk:
			open[delivery{e.Conn, e.Channel, m.DeliveryTag}] = true
		case *wire.BasicDeliver:
			open[delivery{e.Conn, e.Channel, m.DeliveryTag}] = true
		case *wire.BasicAck:
			if e.From != tap.Client || e.Fate != tap.Passed {
				continue
			}
			for d := range open {
				same := d.conn == e.Conn && d.channel == e.Channel
				if same && (d.tag == m.DeliveryTag || m.Multiple && (d.tag < m.DeliveryTag || m.DeliveryTag == 0)) {
					delete(open, d)
					n++
				}
			}
		}
	}
	return n
}

// quiet waits until whoever was going to act at once has done it, and RabbitMQ has confirmed what it got.
func (s *stage) quiet() {
	s.lab.Soon(func() bool {
		before := s.lab.Tap.Recording().Count(tap.Filter{Where: ofMessages})
		s.lab.Fence(s.conn)
		s.lab.Settle()
		s.lab.Fence(s.conn)
		return s.lab.Tap.Recording().Count(tap.Filter{Where: ofMessages}) == before && s.unconfirmed() == 0
	})
}

func ofMessages(e tap.Event) bool { return strings.HasPrefix(e.Name(), "basic.") }

// unconfirmed is how many publishes have reached RabbitMQ, and wait for their confirm.
func (s *stage) unconfirmed() int {
	type publish struct {
		conn    int
		channel uint16
		number  uint64
	}
	open := make(map[publish]bool)
	for _, e := range s.lab.Tap.Recording().All() {
		switch m := e.Method.(type) {
		case *wire.BasicPublish:
			if e.Number > 0 && e.Fate != tap.Dropped && e.Fate != tap.Held {
				open[publish{e.Conn, e.Channel, e.Number}] = true
			}
		case *wire.BasicAck:
			for p := range open {
				if e.From == tap.Broker && p.conn == e.Conn && p.channel == e.Channel &&
					(p.number == m.DeliveryTag || m.Multiple && p.number < m.DeliveryTag) {
					delete(open, p)
				}
			}
		}
	}
	return len(open)
}

// now is the number of the latest event.
func (s *stage) now() int { return s.lab.Note("Replay begins").Seq }

// publishing means the nth message that Replay publishes: rules are added when the stage is set up.
func publishing(nth int) tap.Trigger {
	return tap.Trigger{Nth: nth, Filter: tap.Filter{From: tap.Client, Method: "basic.publish"}}
}
