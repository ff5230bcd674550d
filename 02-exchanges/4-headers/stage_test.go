package headers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/4-headers"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const (
	read  = "02-exchanges/README.md#headers"
	queue = "bookkeeping.reports"
)

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
	s.ch, s.own = s.channel(), l.Channel()
	if err := s.own.Confirm(false); err != nil {
		l.Failf("select confirm mode: %v", err)
	}
	return s
}

func (s *stage) channel() *amqp.Channel {
	ch, err := s.conn.Channel()
	if err != nil {
		s.lab.Failf("open a channel: %v", err)
	}
	return ch
}

// declare calls Declare.
func (s *stage) declare(queue string, i headers.Interest) error {
	return s.lab.Do("Declare", func(context.Context) error { return headers.Declare(s.ch, queue, i) })
}

// mustDeclare calls Declare where nothing stands in its way.
func (s *stage) mustDeclare(queue string, i headers.Interest) {
	err := s.declare(queue, i)
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("%s asks for %s, and Declare returned: %v", queue, say(i), err),
		Want: "nil: the broker is there, and nothing speaks against the interest",
		Why:  "the service doesn't start",
		Read: read,
	})
	s.lab.Check(!s.ch.IsClosed(), lab.Claim{
		Saw: "Declare returned nil, and its caller's channel is closed", Want: "ch stays open: it is the caller's", Read: read,
	})
}

// say puts an interest into words.
func say(i headers.Interest) string {
	var all []string
	for _, field := range []struct {
		name  string
		value any
		given bool
	}{
		{"format", i.Format, i.Format != ""}, {"type", i.Type, i.Type != ""},
		{"year", i.Year, i.Year != 0}, {"x-supplier", i.Supplier, i.Supplier != ""},
	} {
		if field.given {
			all = append(all, fmt.Sprintf("%s=%v", field.name, field.value))
		}
	}
	return fmt.Sprintf("%s of %s", i.Match, strings.Join(all, ", "))
}

// publish calls Publish.
func (s *stage) publish(r headers.Report) error {
	return s.lab.Do("Publish", func(ctx context.Context) error { return headers.Publish(ctx, s.ch, r) })
}

// mustPublish calls Publish where nothing stands in its way.
func (s *stage) mustPublish(r headers.Report) {
	s.lab.NoError(s.publish(r), lab.Claim{
		Want: "nil: the broker is there, and nothing speaks against the report",
		Why:  "a report was made, and nobody gets it",
		Read: read,
	})
}

// exchange declares shop.reports as somebody else has it.
func (s *stage) exchange(kind string) {
	if err := s.own.ExchangeDeclare(headers.Exchange, kind, true, false, false, false, nil); err != nil {
		s.lab.Failf("declare exchange %q: %v", headers.Exchange, err)
	}
}

// ear makes a queue of the test's own, bound to the exchange: what Publish does is judged without Declare.
func (s *stage) ear(queue string, arguments amqp.Table) string {
	s.exchange(amqp.ExchangeHeaders)
	s.lab.Declare(queue, nil)
	if err := s.own.QueueBind(queue, "", headers.Exchange, false, arguments); err != nil {
		s.lab.Failf("bind queue %q: %v", queue, err)
	}
	return queue
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
		Want: "the queue is there, for whoever reads the reports",
		Why:  "the service can't read its own queue",
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
