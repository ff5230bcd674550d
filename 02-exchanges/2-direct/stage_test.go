package direct_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/2-direct"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const (
	shelves = "warehouse.shelves" // where the standard pickers work
	express = "warehouse.express" // where the urgent orders are picked
	ledger  = "accounting"        // who writes down all orders
)

// A stage is a broker with nothing in it, a channel for Declare and Place, and a connection for Work.
type stage struct {
	lab  *lab.Lab
	ch   *amqp.Channel
	conn *amqp.Connection
	t    *testing.T
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	l := lab.New(t)
	return &stage{lab: l, ch: l.Channel(), conn: l.Dial(), t: t}
}

// declare calls Declare and returns its error.
func (s *stage) declare(queue string, kinds ...direct.Kind) error {
	return s.lab.Do("Declare", func(context.Context) error { return direct.Declare(s.ch, queue, kinds...) })
}

// mustDeclare calls Declare where nothing stands in its way.
func (s *stage) mustDeclare(queue string, kinds ...direct.Kind) {
	s.lab.NoError(s.declare(queue, kinds...), lab.Claim{
		Want: "Declare returns nil: nothing stands in its way",
		Why:  "the warehouse can't begin to work",
		Read: "02-exchanges/README.md#direct",
	})
}

// place calls Place and returns its error.
func (s *stage) place(id string, kind direct.Kind) error {
	return s.lab.Do("Place", func(ctx context.Context) error {
		return direct.Place(ctx, s.ch, direct.Order{ID: id, Kind: kind})
	})
}

// mustPlace places orders of a kind where nothing stands in the way.
func (s *stage) mustPlace(kind direct.Kind, ids ...string) {
	for _, id := range ids {
		s.lab.NoError(s.place(id, kind), lab.Claim{
			Want: "Place returns nil: nothing stands in its way",
			Why:  "the customer is told that the order was not taken",
			Read: "02-exchanges/README.md#direct",
		})
	}
}

// put publishes an order in Place's stead.
func (s *stage) put(kind direct.Kind, id string) {
	body := fmt.Sprintf(`{"id":%q,"kind":%q}`, id, kind)
	s.lab.Put(direct.Exchange, string(kind), amqp.Publishing{ContentType: "application/json", Body: []byte(body)})
}

// fill makes a queue without Declare, and puts orders into it without Place.
func (s *stage) fill(queue string, kind direct.Kind, ids ...string) {
	s.lab.Declare(queue, nil)
	for _, id := range ids { // not persistent: no test waits for a disk
		s.lab.Put("", queue, amqp.Publishing{Body: fmt.Appendf(nil, `{"id":%q,"kind":%q}`, id, kind)})
	}
}

// drain returns the ids of the orders that wait in a queue, as soon as last is among them.
func (s *stage) drain(queue, last string) (ids []string) {
	s.lab.Soon(func() bool {
		for _, d := range s.lab.Drain(queue) {
			var o direct.Order
			if err := json.Unmarshal(d.Body, &o); err != nil {
				s.lab.Fail(lab.Claim{
					Saw:  fmt.Sprintf("an order travels as %q", d.Body),
					Want: `JSON, such as {"id":"order-7","kind":"priority"}`,
					Why:  "a warehouse of another version, or in another language, can't read it",
				})
			}
			ids = append(ids, o.ID)
		}
		return slices.Contains(ids, last)
	})
	return ids
}

// pickers are the handlers of some queues. They remember what they did.
type pickers struct {
	lab *lab.Lab

	mu       sync.Mutex               // guards what follows
	began    map[string][]string      // by queue: orders that a handler began, in that order
	finished map[string][]string      // by queue: orders whose handler has returned
	broken   []string                 // orders whose handler's context ended while it ran
	running  map[string]int           // by queue: how many handlers run
	most     map[string]int           // by queue: the highest that running ever was
	gates    map[string]chan struct{} // by queue: while there is one that is open, handlers wait; nil: none
	fails    map[string]bool          // orders that fail the next time
}

func (s *stage) pickers() *pickers {
	return &pickers{
		lab: s.lab, began: make(map[string][]string), finished: make(map[string][]string), running: make(map[string]int),
		most: make(map[string]int), gates: make(map[string]chan struct{}), fails: make(map[string]bool),
	}
}

// block makes the handler of a queue wait until the returned function is called, at the latest when the test ends.
func (s *stage) block(p *pickers, queue string) (letGo func()) {
	gate := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gates[queue] = gate
	letGo = sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.gates[queue] = nil
		close(gate)
	})
	s.t.Cleanup(letGo)
	return letGo
}

// handler returns the handler of a queue.
func (p *pickers) handler(queue string) direct.Handler {
	return func(ctx context.Context, o direct.Order) error {
		p.mu.Lock()
		p.lab.Note("%s begins %q", queue, o.ID)
		p.began[queue] = append(p.began[queue], o.ID)
		p.running[queue]++
		p.most[queue] = max(p.most[queue], p.running[queue])
		gate, fails := p.gates[queue], p.fails[o.ID]
		delete(p.fails, o.ID)
		p.mu.Unlock()
		if gate != nil {
			<-gate
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if ctx.Err() != nil {
			p.broken = append(p.broken, o.ID)
		}
		p.running[queue]--
		p.finished[queue] = append(p.finished[queue], o.ID)
		if fails {
			p.lab.Note("%s fails with %q", queue, o.ID)
			return errors.New("the shelf is empty")
		}
		p.lab.Note("%s has %q", queue, o.ID)
		return nil
	}
}

// hasBegun returns the orders that the handler of a queue began.
func (p *pickers) hasBegun(queue string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.began[queue])
}

// hasFinished returns the orders whose handler has returned.
func (p *pickers) hasFinished(queue string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.finished[queue])
}

// work starts Work for some queues, with a picker for each.
func (s *stage) work(p *pickers, queues ...string) *lab.Call {
	return s.workOn(s.conn, "Work", p, queues...)
}

// workOn is work on a connection, by a name for failures.
func (s *stage) workOn(conn *amqp.Connection, name string, p *pickers, queues ...string) *lab.Call {
	handlers := make(map[string]direct.Handler)
	for _, queue := range queues {
		handlers[queue] = p.handler(queue)
	}
	return s.lab.Go(name, func(ctx context.Context) error { return direct.Work(ctx, conn, handlers) })
}

// consumes waits until Work consumes from n queues.
func (s *stage) consumes(n int) {
	s.lab.Expect(tap.Filter{From: tap.Broker, Method: "basic.consume-ok"}, n, lab.Claim{
		Saw:  "Work was given its queues, and doesn't consume from all of them",
		Want: "RabbitMQ pushes the orders (basic.consume)",
		Why:  "asking again and again (basic.get) costs a round trip an order, and as much when there is none",
		Read: "02-exchanges/README.md#direct",
	})
}

// begins waits until the handler of a queue has begun n orders, where nothing stands in its way.
func (s *stage) begins(p *pickers, queue string, n int) {
	s.lab.Check(s.lab.Soon(func() bool { return len(p.hasBegun(queue)) >= n }), lab.Claim{
		Saw:  fmt.Sprintf("orders wait in %s, and its handler has begun %v", queue, p.hasBegun(queue)),
		Want: "Work gives each order to the handler of its queue",
		Why:  "nobody picks",
		Wire: s.story(),
		Read: "02-exchanges/README.md#direct",
	})
}

// awhile lets several answers come on the connection of Work, and all functions come to rest after each: whoever was going
// to act at once has done it.
func (s *stage) awhile() {
	for range 2 { // a fence takes three round trips
		s.lab.Settle()
		s.lab.Fence(s.conn)
	}
	s.lab.Settle()
}

// story is the part of the recording that tells of orders: who gets them, what was done, what was answered.
func (s *stage) story() string {
	events := s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "basic.qos", "basic.consume", "basic.deliver", "basic.ack", "basic.nack", "basic.reject", "basic.cancel", "note":
			return true
		case "channel.close", "connection.close":
			return e.From == tap.Broker
		}
		return false
	}})
	if len(events) > 30 {
		return fmt.Sprintf("%s · … %d more", s.lab.Wire(events[:30]...), len(events)-30)
	}
	return s.lab.Wire(events...)
}
