package topic_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/3-topic"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const read = "02-exchanges/README.md#topic"

// events are what happens in the shop of these tests, in this order.
var events = []string{
	"user", "user.signup", "user.login", "user.purchase", "user.purchase.refunded", "user.purchase.refunded.partly",
	"guest.purchase", "guest.purchase.refunded", "stock", "stock.user.signup",
}

// A stage is a broker with nothing in it, a connection and a channel for Declare and Publish, and a channel of the test's own.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection
	ch   *amqp.Channel
	own  *amqp.Channel
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	l := lab.New(t)
	s := &stage{lab: l, conn: l.Dial()}
	s.ch, s.own = s.channel(s.conn), l.Channel()
	if err := s.own.Confirm(false); err != nil {
		l.Failf("select confirm mode: %v", err)
	}
	return s
}

func (s *stage) channel(conn *amqp.Connection) *amqp.Channel {
	ch, err := conn.Channel()
	if err != nil {
		s.lab.Failf("open a channel: %v", err)
	}
	return ch
}

// interest is written as a name with dots between its parts: "user.*".
func interest(name string) topic.Interest { return topic.Interest{Parts: strings.Split(name, ".")} }

// deeper is an interest in all that lies below a name, too.
func deeper(name string) topic.Interest {
	return topic.Interest{Parts: strings.Split(name, "."), Deeper: true}
}

// declare calls Declare.
func (s *stage) declare(name string, hears ...topic.Interest) (queue string, err error) {
	err = s.lab.Do("Declare", func(context.Context) (err error) {
		queue, err = topic.Declare(s.ch, topic.Listener{Name: name, Hears: hears})
		return err
	})
	return queue, err
}

// mustDeclare calls Declare where nothing stands in its way.
func (s *stage) mustDeclare(name string, hears ...topic.Interest) (queue string) {
	queue, err := s.declare(name, hears...)
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("%s wants to hear of %s, and Declare returned: %v", name, say(hears), err),
		Want: "nil: the broker is there, and nothing speaks against the listener",
		Why:  "the service doesn't start",
		Read: read,
	})
	s.lab.Check(!s.ch.IsClosed(), lab.Claim{
		Saw: "Declare returned nil, and its caller's channel is closed", Want: "ch stays open: it is the caller's", Read: read,
	})
	return queue
}

// say names interests as a reader of the contract would.
func say(hears []topic.Interest) string {
	var all []string
	for _, i := range hears {
		if len(i.Parts) == 0 && i.Deeper {
			all = append(all, "all events")
			continue
		}
		text := fmt.Sprintf("%q", strings.Join(i.Parts, "."))
		if i.Deeper {
			text += " and deeper"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// publish calls Publish with an event whose body is its name.
func (s *stage) publish(parts ...string) error {
	return s.lab.Do("Publish", func(ctx context.Context) error {
		return topic.Publish(ctx, s.ch, topic.Event{Parts: parts, Body: []byte(strings.Join(parts, "."))})
	})
}

// mustPublish calls Publish where nothing stands in its way.
func (s *stage) mustPublish(parts ...string) {
	s.lab.NoError(s.publish(parts...), lab.Claim{
		Want: fmt.Sprintf("nil: the broker is there, and nothing speaks against the event %q", parts),
		Why:  "something has happened, and nobody is told",
		Read: read,
	})
}

// happen lets events happen without Publish: their names are their keys and their bodies. It waits until RabbitMQ has them.
func (s *stage) happen(names ...string) {
	var all []*amqp.DeferredConfirmation
	for _, name := range names {
		c, err := s.own.PublishWithDeferredConfirm(topic.Exchange, name, false, false, amqp.Publishing{Body: []byte(name)})
		if err != nil {
			s.lab.Failf("publish %s: %v", name, err)
		}
		all = append(all, c)
	}
	missing := func(c *amqp.DeferredConfirmation) bool { return !c.Acked() }
	s.lab.Await("RabbitMQ to have all events", func() bool { return !slices.ContainsFunc(all, missing) })
}

// take takes what is in a queue: one question on a channel that is open, for each message.
func (s *stage) take(queue string) (all []amqp.Delivery) {
	for {
		m, ok := s.get(queue)
		if !ok {
			return all
		}
		all = append(all, m)
	}
}

func (s *stage) get(queue string) (amqp.Delivery, bool) {
	m, ok, err := s.own.Get(queue, true)
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("the test asked queue %q for a message, and RabbitMQ said: %v", queue, err),
		Want: "the queue that Declare returns is there, for whoever is the listener",
		Why:  "the service listens at a queue that it can't read",
		Read: read,
	})
	return m, ok
}

// came takes from a queue what Publish has brought there. It publishes one more message on the same channel, straight to the
// queue, and waits for it: all else has come before.
func (s *stage) came(queue string) (all []amqp.Delivery) {
	const last = "the test's own message"
	_, err := s.ch.QueueDeclarePassive(queue, true, false, false, false, nil) // a question: the answer comes after a refusal
	if err == nil {
		err = s.ch.Publish("", queue, false, false, amqp.Publishing{Body: []byte(last)})
	}
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("Publish has returned, and its caller's channel can be used no more: %v", err),
		Want: "ch stays open: it is the caller's",
		Why: "RabbitMQ refuses without waiting to be asked: it closes the channel, with all that was still under way " +
			"on it",
		Read: read,
	})
	for {
		var m amqp.Delivery
		s.lab.Await("the last message in queue "+queue, func() (ok bool) {
			m, ok = s.get(queue)
			return ok
		})
		if string(m.Body) == last {
			return all
		}
		all = append(all, m)
	}
}

// recorded returns what has been said to RabbitMQ about exchanges, queues and messages on the stage's connection, which is the
// first one, as far as it is in the recording.
func (s *stage) recorded() []tap.Event {
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Conn: 1, Where: func(e tap.Event) bool {
		class, _, _ := strings.Cut(e.Name(), ".")
		return class == "exchange" || class == "queue" || class == "basic"
	}})
}

// said returns all of that.
func (s *stage) said() []tap.Event {
	s.lab.Fence(s.conn)
	return s.recorded()
}

// bodies are what messages say.
func bodies(messages []amqp.Delivery) []string {
	all := []string{}
	for _, m := range messages {
		all = append(all, string(m.Body))
	}
	return all
}
