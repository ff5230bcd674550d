package fanout_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/1-fanout"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// A stage is a broker with nothing in it, a connection for the catalogs and a channel for Publish.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection
	ch   *amqp.Channel

	t         *testing.T
	listening int // how often a Run got as far as to listen
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	l := lab.New(t)
	return &stage{lab: l, conn: l.Dial(), ch: l.Channel(), t: t}
}

// taken returns when RabbitMQ has done with all that was published on ch: who binds a queue later gets none of it.
func (s *stage) taken() {
	_ = s.ch.Qos(0, 0, false) // it is answered after them; on a closed channel there is nothing to wait for
}

// publish calls Publish and returns its error.
func (s *stage) publish(u fanout.Update) error {
	return s.lab.Do("Publish", func(ctx context.Context) error { return fanout.Publish(ctx, s.ch, u) })
}

// mustPublish calls Publish where nothing stands in its way.
func (s *stage) mustPublish(updates ...fanout.Update) {
	for _, u := range updates {
		s.lab.NoError(s.publish(u), lab.Claim{
			Want: "Publish returns nil: nothing stands in its way",
			Why:  "the inventory believes that the catalogs were not told",
			Read: "02-exchanges/README.md#fanout",
		})
	}
}

// put publishes bodies in Publish's stead.
func (s *stage) put(bodies ...string) {
	for _, body := range bodies {
		s.lab.Put(fanout.Exchange, "", amqp.Publishing{ContentType: "application/json", Body: []byte(body)})
	}
}

// A catalog is one instance of the shop's catalog. It remembers of which updates it was told.
type catalog struct {
	fanout.Subscriber
	name string
	lab  *lab.Lab
	conn *amqp.Connection
	call *lab.Call // of Run

	mu            sync.Mutex // guards what follows
	heard         []fanout.Update
	running, most int
	gate          chan struct{} // closed: Handle may return
}

func (s *stage) catalog(name string, conn *amqp.Connection) *catalog {
	c := &catalog{name: name, lab: s.lab, conn: conn, gate: make(chan struct{})}
	c.Handle = c.handle
	close(c.gate)
	return c
}

// pause makes Handle wait, from now on until the returned function is called or the test ends.
func (s *stage) pause(c *catalog) (resume func()) {
	gate := make(chan struct{})
	c.mu.Lock()
	c.gate = gate
	c.mu.Unlock()
	resume = sync.OnceFunc(func() { close(gate) })
	s.t.Cleanup(resume)
	return resume
}

func (c *catalog) handle(u fanout.Update) {
	c.mu.Lock()
	c.lab.Note("%s is told of %v", c.name, u)
	c.heard = append(c.heard, u)
	c.running++
	c.most = max(c.most, c.running)
	gate := c.gate
	c.mu.Unlock()
	<-gate
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
}

// told returns the updates of which the catalog was told, and how many handles ran at once at most.
func (c *catalog) told() (heard []fanout.Update, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heard), c.most
}

func (c *catalog) knows(u fanout.Update) bool {
	heard, _ := c.told()
	return slices.Contains(heard, u)
}

// run starts the catalog's Run where nothing stands in its way, and returns when it listens.
func (s *stage) run(c *catalog) {
	s.runWhere("nothing stands in its way", c)
}

// runWhere is run where something is the case.
func (s *stage) runWhere(something string, c *catalog) {
	s.listening++
	c.call = s.lab.Go("Run of "+c.name, func(ctx context.Context) error { return c.Run(ctx, c.conn) })
	said := func(method string) bool {
		return s.lab.Tap.Recording().Count(tap.Filter{From: tap.Broker, Method: method}) >= s.listening
	}
	listens := s.lab.Soon(func() bool {
		return !c.call.Running() || said("queue.bind-ok") && said("basic.consume-ok")
	})
	claim := lab.Claim{
		Saw:  something + ", and Run of " + c.name + " does not come to listen",
		Want: "Run binds a queue to " + fanout.Exchange + " and consumes from it",
		Why:  "this catalog goes on selling what is sold out",
		Wire: s.story(),
		Read: "02-exchanges/README.md#fanout",
	}
	if !c.call.Running() {
		claim.Saw = fmt.Sprintf("%s, and Run of %s returned: %v", something, c.name, c.call.Wait())
	}
	s.lab.Check(listens && c.call.Running(), claim)
}

// hears claims that the catalog is told of all these updates and of nothing else, in this order.
func (s *stage) hears(c *catalog, want ...fanout.Update) {
	last := want[len(want)-1]
	s.lab.Soon(func() bool { return c.knows(last) || !c.call.Running() })
	claim := lab.Claim{
		Want: fmt.Sprintf("%s is told of %v, each once and in this order", c.name, want),
		Why:  "a catalog that missed one sells what is sold out; one that heard the older one last does so too",
		Wire: s.story(),
		Read: "02-exchanges/README.md#fanout",
	}
	if !c.call.Running() {
		claim.Saw = fmt.Sprintf("Run of %s returned before it was told of %v: %v", c.name, last, c.call.Wait())
		s.lab.Fail(claim)
	}
	heard, _ := c.told()
	claim.Saw = fmt.Sprintf("%s was told of %v", c.name, heard)
	s.lab.Check(slices.Equal(heard, want), claim)
}

// queues returns the names of all queues that were made.
func (s *stage) queues() (names []string) {
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Broker, Method: "queue.declare-ok"}) {
		names = append(names, e.Method.(*wire.QueueDeclareOk).Queue)
	}
	s.lab.Check(len(names) > 0, lab.Claim{Saw: "no queue was made", Want: "Run declares a queue of its own"})
	return names
}

// gone claims that soon none of the queues that were made is there any more.
func (s *stage) gone(c lab.Claim) {
	for _, name := range s.queues() {
		gone := s.lab.Soon(func() bool { return !s.lab.Exists(name) })
		claim := c
		claim.Saw = fmt.Sprintf("%s, and its queue %s is still there", c.Saw, name)
		s.lab.Check(gone, claim)
	}
}

// comeQuickly publishes updates while Handle is held up by the first one, and returns when the catalog has got of the others
// what it wants to have ahead.
func (s *stage) comeQuickly(c *catalog, updates ...fanout.Update) {
	s.mustPublish(updates...)
	s.lab.Soon(func() bool {
		limited := s.lab.Tap.Recording().Count(tap.Filter{From: tap.Client, Method: "basic.qos"}) > 0
		return c.knows(updates[0]) && limited || s.lab.Tap.Recording().Count(tap.Filter{Method: "basic.deliver"}) == len(updates)
	})
	s.awhile(c.conn)
}

// awhile lets several answers come on a connection, and all functions come to rest after each: whoever was going to act at
// once has done it.
func (s *stage) awhile(conn *amqp.Connection) {
	for range 2 { // a fence takes three round trips
		s.lab.Settle()
		s.lab.Fence(conn)
	}
	s.lab.Settle()
}

// story is the part of the recording that tells who listens where, and who was told what.
func (s *stage) story() string {
	events := s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "queue.declare", "queue.declare-ok", "queue.bind", "basic.deliver", "basic.nack", "basic.reject", "note":
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
