package bus

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	session03 "warren.example/03-durability/session"
	"warren.example/06-services/events"
)

// A Topology is exchanges, queues and bindings, as they should be.
type Topology struct {
	Exchanges []Exchange
	Queues    []Queue
	Bindings  []Binding
}

// An Exchange is durable.
type Exchange struct{ Name, Kind string }

// A Queue is durable.
type Queue struct {
	Name string
	Args amqp.Table
}

// A Binding leads from an exchange to a queue.
type Binding struct{ Queue, Exchange, Key string }

// Retry is how long a message waits that failed for the first time, the second, and so on. After the last it is parked.
var Retry = []time.Duration{time.Second, 10 * time.Second, time.Minute}

// DeliveryLimit is how often RabbitMQ gives a message back to a queue before it parks it by itself. Handlers that fail don't
// count for it: the copy that is tried again is a new message. It counts deliveries that nobody answered: a message whose
// handler kills the process, and, innocent, those that were prefetched with it. RabbitMQ 4 counts to 20 by default and then
// drops the message, unless there is a dead letter exchange; RabbitMQ 3 never ends.
const DeliveryLimit = 20

// Audit is a stream of all events. Through it every event has a queue, also one that no service hears.
const Audit = "shop.audit"

// Shared is what belongs to no service: the exchanges and the audit stream, which keeps a month.
func Shared() Topology {
	return Topology{
		Exchanges: []Exchange{{events.Commands, "direct"}, {events.Events, "topic"}, {events.Dead, "topic"}},
		Queues:    []Queue{{Audit, amqp.Table{"x-queue-type": "stream", "x-max-age": "30D"}}},
		Bindings:  []Binding{{Audit, events.Events, "#"}},
	}
}

// Queues says what a service listens to.
type Queues struct {
	Service    string
	Hears      []string        // types of events that come to the queue <service>.events; none: there is no such queue
	Broadcasts []string        // types of events that each instance hears: see Broadcast
	Retry      []time.Duration // nil is the package's Retry
}

// Commands returns the service's command queues: those of which package events says that commands go there.
func (q Queues) Commands() []string {
	var names []string
	for _, d := range events.All() {
		if owns(q.Service, d.Queue) && !slices.Contains(names, d.Queue) {
			names = append(names, d.Queue)
		}
	}
	return names
}

// Names returns all queues that the service consumes.
func (q Queues) Names() []string {
	names := q.Commands()
	if len(q.Hears) > 0 {
		names = append(names, q.Service+".events")
	}
	return names
}

// Parked returns the name of the queue where the service's dead messages are.
func (q Queues) Parked() string { return q.Service + ".parked" }

// Topology returns the service's queues and their bindings. The exchanges must be there: see Shared. It returns an error for
// an event that package events doesn't know, and for a wait below a millisecond.
//   - Each queue is a quorum queue: it survives the death of a node. What dies in it goes to events.Dead under the queue's
//     name, and from there to the parked queue. RabbitMQ forgets it only when it is there (dead letter strategy at-least-once,
//     which takes overflow reject-publish: rabbitmq.com/docs/quorum-queues#dead-lettering).
//   - Beside each queue there is one for each wait, <queue>.retry.<n>. What has waited goes back to its queue, and to no
//     other, through the default exchange: through the exchange it first came by, every other service would get it again.
func (q Queues) Topology() (Topology, error) {
	var t Topology
	for _, name := range q.Names() {
		t.Queues = append(t.Queues, Queue{name, amqp.Table{
			"x-queue-type":              "quorum",
			"x-delivery-limit":          DeliveryLimit,
			"x-dead-letter-exchange":    events.Dead,
			"x-dead-letter-routing-key": name,
			"x-dead-letter-strategy":    "at-least-once",
			"x-overflow":                "reject-publish",
		}})
		for i, wait := range q.waits() {
			if wait < time.Millisecond {
				return Topology{}, fmt.Errorf("bus: a wait of %v before the next try: it must be a millisecond at least", wait)
			}
			t.Queues = append(t.Queues, Queue{retryQueue(name, i+1), amqp.Table{
				"x-queue-type":              "quorum",
				"x-message-ttl":             wait.Milliseconds(),
				"x-dead-letter-exchange":    "",
				"x-dead-letter-routing-key": name,
				"x-dead-letter-strategy":    "at-least-once",
				"x-overflow":                "reject-publish",
			}})
		}
		t.Bindings = append(t.Bindings, Binding{q.Parked(), events.Dead, name})
	}
	if len(t.Queues) > 0 {
		t.Queues = append(t.Queues, Queue{q.Parked(), amqp.Table{
			"x-queue-type":     "quorum",
			"x-delivery-limit": math.MaxInt32, // each look counts, and RabbitMQ 4 would throw it out after 20
		}})
	}
	for _, d := range events.All() {
		if owns(q.Service, d.Queue) {
			t.Bindings = append(t.Bindings, bind(d.Queue, d)...)
		}
	}
	for _, name := range q.Hears {
		d, ok := events.Lookup(name)
		if !ok || d.Command() {
			return Topology{}, fmt.Errorf("bus: %s hears %q, which is no event", q.Service, name)
		}
		t.Bindings = append(t.Bindings, bind(q.Service+".events", d)...)
	}
	return t, nil
}

// bind binds a queue for a message in all versions of its schema that this program reads.
func bind(queue string, d events.Description) []Binding {
	var all []Binding
	for ; d.Schema >= 1; d.Schema-- {
		all = append(all, Binding{queue, d.Exchange(), d.Key()})
	}
	return all
}

func (q Queues) waits() []time.Duration {
	if q.Retry == nil {
		return Retry
	}
	return q.Retry
}

func retryQueue(queue string, step int) string { return fmt.Sprintf("%s.retry.%d", queue, step) }

// owns tells whether a queue is a service's: by its name.
func owns(service, queue string) bool { return strings.HasPrefix(queue, service+".") }

// Declare declares topologies, in order. Declaring again what is there changes nothing. It returns an error that wraps an
// *amqp.Error if something is there and differs (406; the text says in what), or if the user may not (403). It waits for a
// broker until ctx ends.
func Declare(ctx context.Context, c Config, all ...Topology) error {
	if err := c.check(); err != nil {
		return err
	}
	for try := 0; ; try++ {
		if try > 0 {
			if err := c.Pause(ctx, try); err != nil {
				return err
			}
		}
		s, err := dial(ctx, c, c.URLs[try%len(c.URLs)], nil)
		if err != nil {
			c.Log.Warn("can't connect to RabbitMQ", "error", err, "attempt", try+1)
			continue
		}
		for _, t := range all {
			if err = t.declare(s.ch); err != nil {
				break
			}
		}
		s.close()
		if err == nil || session03.IsRefusal(err) {
			return err
		}
	}
}

func (t Topology) declare(ch *amqp.Channel) error {
	for _, e := range t.Exchanges {
		if err := ch.ExchangeDeclare(e.Name, e.Kind, true, false, false, false, nil); err != nil {
			return fmt.Errorf("declare exchange %q: %w", e.Name, err)
		}
	}
	for _, q := range t.Queues {
		if _, err := ch.QueueDeclare(q.Name, true, false, false, false, q.Args); err != nil {
			return fmt.Errorf("declare queue %q: %w", q.Name, err)
		}
	}
	for _, b := range t.Bindings {
		if err := ch.QueueBind(b.Queue, b.Key, b.Exchange, false, nil); err != nil {
			return fmt.Errorf("bind queue %q to exchange %q with %q: %w", b.Queue, b.Exchange, b.Key, err)
		}
	}
	return nil
}
