package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/5-publisher"
	"warren.example/03-durability/session"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const (
	queue = "shipping.commands"
	read  = "03-durability/README.md#publisher"
)

// A scene is a shop that sends its orders on to shipping, over connections that break.
type scene struct {
	lab *lab.Lab
	pub *publisher.Publisher
	rest
}

// newScene gives a publisher whose window has room for so many messages, and a queue.
func newScene(t *testing.T, window int) *scene {
	t.Helper()
	t.Parallel()
	return sceneOf(t, lab.New(t), window)
}

func sceneOf(t *testing.T, l *lab.Lab, window int) *scene {
	t.Helper()
	s := &scene{lab: l}
	l.Declare(queue, nil)
	s.renew(window)
	t.Cleanup(func() {
		s.free()
		if t.Failed() { // nobody has closed it; whether that works is judged elsewhere
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			go func(pub *publisher.Publisher) {
				defer func() { _ = recover() }() // one panic would hide what all other tests say
				pub.Close(ctx)
			}(s.pub)
		}
	})
	return s
}

// renew gives the scene a publisher that has done nothing yet. Its Pause takes no time.
func (s *scene) renew(window int) {
	s.begin()
	s.pub = &publisher.Publisher{URLs: []string{s.lab.URL}, Window: window, Pause: s.pause}
}

// An order is a message that Publish has taken.
type order struct {
	body string
	*session.Message
}

func (s *scene) message(body string) amqp.Publishing {
	return amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(body)}
}

// publish publishes messages with these bodies to the queue. Publish must take each of them.
func (s *scene) publish(bodies ...string) (orders []order) {
	for _, body := range bodies {
		orders = append(orders, s.publishTo("", queue, s.message(body)))
	}
	return orders
}

// publishTo publishes a message, which Publish must take.
func (s *scene) publishTo(exchange, key string, m amqp.Publishing) order {
	o, call := s.publishing(exchange, key, m)
	err := call.WaitOr(lab.Claim{
		Saw:  fmt.Sprintf("Publish of %s does not return, and the window has room", m.Body),
		Want: "Publish returns when it has taken the message",
		Why:  "every caller stands still, and the shop with it",
		Read: read,
	})
	s.lab.NoError(err, lab.Claim{Want: fmt.Sprintf("Publish takes %s: the window has room", m.Body), Read: read})
	return *o
}

// publishing is a call of Publish that may have to wait.
func (s *scene) publishing(exchange, key string, m amqp.Publishing) (*order, *lab.Call) {
	o := &order{body: string(m.Body)}
	pub := s.pub
	return o, s.lab.Go("Publish", func(ctx context.Context) (err error) {
		o.Message, err = pub.Publish(ctx, exchange, key, m)
		if err == nil && o.Message == nil {
			err = errors.New("Publish returned neither a message nor an error")
		}
		return err
	})
}

// told waits until somebody has told what became of a message.
func (s *scene) told(o order, what string) error {
	call := s.lab.Go("Wait", o.Wait)
	return call.WaitOr(lab.Claim{
		Saw:  fmt.Sprintf("%s: nobody was told what became of %s", what, o.body),
		Want: "Wait returns: nil when RabbitMQ has the message, an error if it never will",
		Why:  "the outbox never strikes the order off, or stops at it",
		Wire: s.wire(o.body),
		Read: read,
	})
}

// confirmed claims that RabbitMQ has these messages, and that those who wait were told.
func (s *scene) confirmed(what string, orders ...order) {
	for _, o := range orders {
		s.lab.NoError(s.told(o, what), lab.Claim{
			Want: fmt.Sprintf("%s: %s arrives, and Wait returns nil", what, o.body),
			Why:  "whoever is told of an error that is none gives the order up, or publishes it again under a new id",
			Wire: s.wire(o.body),
			Read: read,
		})
	}
}

// close closes the publisher, which must end well.
func (s *scene) close() {
	call := s.lab.Go("Close", s.pub.Close)
	err := call.WaitOr(lab.Claim{
		Saw:  "all is confirmed, and Close does not return",
		Want: "nil, at once",
		Why:  "the program does not stop, and is killed",
		Read: read,
	})
	s.lab.NoError(err, lab.Claim{Want: "nil: every message has its answer", Read: read})
}

// bodies returns the bodies of the messages in a queue, first first, and takes them out.
func (s *scene) bodies(queue string) (bodies []string) {
	for _, d := range s.lab.Drain(queue) {
		bodies = append(bodies, string(d.Body))
	}
	return bodies
}

// published returns the publishes of a body on the wire; of all if it is empty.
func (s *scene) published(body string) []tap.Event {
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "basic.publish", Where: is(body)})
}

// awaitPublished waits until a body was published so many times.
func (s *scene) awaitPublished(body string, n int, what string) []tap.Event {
	return s.lab.Expect(tap.Filter{From: tap.Client, Method: "basic.publish", Where: is(body)}, n, lab.Claim{
		Saw:  fmt.Sprintf("%s: %s was published %s", what, body, times(len(s.published(body)))),
		Want: times(n),
		Why:  "nobody knows whether RabbitMQ has it: if it isn't sent again it may be lost",
		Wire: s.wire(body),
		Read: read,
	})
}

// wire shows what went over the wire about a body, and the answers.
func (s *scene) wire(body string) string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "basic.publish":
			return is(body)(e)
		case "basic.ack", "basic.nack", "basic.return", "channel.close", "connection.close":
			return true
		}
		return false
	}})...)
}

func is(body string) func(tap.Event) bool {
	return func(e tap.Event) bool { return body == "" || string(e.Body) == body }
}

// holdConfirms keeps back what RabbitMQ answers to the first publishes of these bodies.
func (s *scene) holdConfirms(bodies ...string) {
	for _, body := range bodies {
		s.lab.Tap.Add(tap.HoldConfirm{On: tap.Trigger{Filter: tap.Filter{Where: is(body)}, Nth: 1}})
	}
}

// unconfirmed publishes messages to which no answer comes, and returns when they are in the queue.
func (s *scene) unconfirmed(bodies ...string) []order {
	s.holdConfirms(bodies...)
	orders := s.publish(bodies...)
	for _, body := range bodies {
		s.awaitPublished(body, 1, "Publish has taken it")
	}
	return orders
}

// lose takes the broker away: connections are cut, and new ones are refused. Pause waits until it is back.
func (s *scene) lose() {
	s.hold()
	s.lab.Tap.Refuse(true)
}

// back brings the broker back.
func (s *scene) back() {
	s.lab.Tap.Refuse(false)
	s.free()
}

// awhile returns when whoever was going to act at once has done it, also if that took an answer of the broker's.
func (s *scene) awhile() {
	s.lab.Settle()
	for range 5 {
		s.lab.Exists(queue)
	}
	s.lab.Settle()
}

// tries returns how often somebody tried to connect.
func (s *scene) tries() int {
	return s.lab.Tap.Recording().Count(tap.Filter{From: tap.Here, Where: func(e tap.Event) bool {
		return e.Name() == "connect" || e.Text == "a new connection is refused"
	}})
}

func numbered(from, to int) (bodies []string) {
	for i := from; i <= to; i++ {
		bodies = append(bodies, fmt.Sprintf("order-%d", i))
	}
	return bodies
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func list(bodies []string) string {
	if len(bodies) == 0 {
		return "nothing"
	}
	return strings.Join(bodies, " ")
}

// firsts returns each body once, where it comes first.
func firsts(bodies []string) (first []string) {
	for _, body := range bodies {
		if !slices.Contains(first, body) {
			first = append(first, body)
		}
	}
	return first
}

// A rest is the Pause of the publishers of these tests. It takes no time, unless the test holds it.
type rest struct {
	mu       sync.Mutex    // guards what follows
	attempts []int         // of all calls up to now
	err      error         // what the next call returns at once
	gate     chan struct{} // one value lets one call go on; closed: all go on
}

// begin lets all calls go on at once.
func (r *rest) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gate = make(chan struct{})
	close(r.gate)
}

// hold makes calls wait from now on: for as many calls of release, or the end of their context.
func (r *rest) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gate = make(chan struct{}, 1000)
}

// release lets n calls go on.
func (r *rest) release(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range n {
		r.gate <- struct{}{}
	}
}

// free lets all calls go on from now on. Safe to call twice.
func (r *rest) free() {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { _ = recover() }() // closed already
	close(r.gate)
}

// failWith makes the next call return err. Later ones wait for the end of their context.
func (r *rest) failWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	r.gate = make(chan struct{})
}

// pause is the Pause.
func (r *rest) pause(ctx context.Context, attempt int) error {
	r.mu.Lock()
	r.attempts = append(r.attempts, attempt)
	err, gate := r.err, r.gate
	r.err = nil
	r.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case <-gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// calls returns the attempts of all calls up to now.
func (r *rest) calls() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.attempts)
}
