package expiry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/2-expiry"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

const (
	about      = "04-dlx/README.md#expiry"
	aboutTTL   = "04-dlx/README.md#ttl"
	aboutDeath = "04-dlx/README.md#xdeath"
)

// A stage is an empty broker whose time passes when the test says so, with a connection for the learner's code.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection

	// The limits of most tests. Short is five minutes of the story; who is reminded has an hour on every clock, so that it
	// isn't over before the test is.
	short  time.Duration
	limits expiry.Limits
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	l := lab.NewTimed(t)
	s := &stage{lab: l, conn: l.Dial(), short: l.Time(5 * time.Minute)}
	s.limits = expiry.Limits{Unpaid: []time.Duration{s.short}, Reminded: time.Hour}
	return s
}

// newShop gives a stage on which the limits are declared.
func newShop(t *testing.T) *stage {
	t.Helper()
	s := newStage(t)
	s.mustDeclare("the broker was empty", s.limits)
	return s
}

// declare calls Declare, on a channel of its own.
func (s *stage) declare(l expiry.Limits) (*amqp.Channel, error) {
	ch := s.lab.Channel()
	return ch, s.declareOn(ch, l)
}

func (s *stage) declareOn(ch *amqp.Channel, l expiry.Limits) error {
	err := s.lab.Do("Declare", func(context.Context) error { return expiry.Declare(ch, l) })
	s.lab.Check(err != nil || !ch.IsClosed(), lab.Claim{
		Saw: "Declare returned nil, and its channel is closed", Want: "ch stays open: it is the caller's", Read: about,
	})
	return err
}

// mustDeclare calls Declare where nothing stands in its way. before says what went before.
func (s *stage) mustDeclare(before string, l expiry.Limits) {
	_, err := s.declare(l)
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("%s, and Declare(%v) returned: %v", before, l, err),
		Want: "nil: nothing that is there differs",
		Why:  "every service declares what it needs when it starts: this one can't",
		Wire: s.declarations(),
		Read: about,
	})
	for _, queue := range []string{expiry.Reminded, expiry.Expired} {
		s.lab.Check(s.lab.Exists(queue), lab.Claim{
			Saw:  fmt.Sprintf("Declare returned nil, and there is no queue %s", queue),
			Want: "the queues " + expiry.Reminded + " and " + expiry.Expired,
			Wire: s.declarations(),
			Read: about,
		})
	}
}

// basket returns the nth basket.
func basket(n int) expiry.Basket { return expiry.Basket{ID: fmt.Sprintf("basket-%d", n), Items: n} }

// publish calls Publish.
func (s *stage) publish(b expiry.Basket, limit time.Duration) error {
	conn := s.conn
	return s.lab.Do("Publish", func(ctx context.Context) error { return expiry.Publish(ctx, conn, b, limit) })
}

// mustPublish calls Publish where nothing stands in its way.
func (s *stage) mustPublish(b expiry.Basket, limit time.Duration) {
	err := s.publish(b, limit)
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("%s was published with a limit of %v that was declared, and Publish returned: %v", b.ID, limit, err),
		Want: "nil",
		Why:  "the customer sees an error instead of a basket",
		Wire: s.story(),
		Read: aboutTTL,
	})
	s.lab.Fence(s.conn)
	s.lab.Check(s.lab.OpenChannels(s.conn) == 0, lab.Claim{
		Saw:  fmt.Sprintf("Publish has returned, and %d channels are open", s.lab.OpenChannels(s.conn)),
		Want: "no channel is left open",
		Why:  "after some thousand baskets RabbitMQ allows no further channel",
		Read: about,
	})
}

// wait returns when the broker has let a time pass: d is as this broker knows it. It has a clock of its own: a message that
// expires.
func (s *stage) wait(d time.Duration) {
	s.lab.Declare("test.rang", nil)
	clock := "test.clock." + d.String()
	s.lab.Declare(clock, amqp.Table{
		"x-message-ttl": d.Milliseconds(), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "test.rang",
	})
	s.lab.Publish(clock, "tick")
	s.lab.Pass(d)
	s.lab.Get("test.rang")
}

// moved waits until a basket is in a queue, and takes it. It ends the test with the claim if that doesn't happen.
func (s *stage) moved(b expiry.Basket, queue string, c lab.Claim) amqp.Delivery {
	s.lab.Soon(func() bool { return s.lab.Exists(queue) && s.lab.Depth(queue) > 0 })
	c.Wire = s.story()
	if c.Read == "" {
		c.Read = aboutTTL
	}
	s.lab.Check(s.lab.Exists(queue) && s.lab.Depth(queue) == 1, c)
	m := s.lab.Get(queue)
	var got expiry.Basket
	err := json.Unmarshal(m.Body, &got)
	s.lab.Check(err == nil && got == b && m.MessageId == b.ID, lab.Claim{
		Saw:  fmt.Sprintf("%+v went in, %s with the id %q came out in %s", b, m.Body, m.MessageId, queue),
		Want: "the basket as JSON, and its id",
		Why:  "nobody knows whose basket it is",
		Wire: s.story(),
		Read: about,
	})
	return m
}

// declarations is the part of the recording that tells what was declared, bound and deleted.
func (s *stage) declarations() string { return s.lab.Wire(s.told(isDeclaration)...) }

// story is the part of the recording that also tells of baskets.
func (s *stage) story() string {
	return s.lab.Wire(s.told(func(e tap.Event) bool {
		switch e.Name() {
		case "basic.publish", "basic.return", "basic.ack", "basic.nack", "note", "disconnect":
			return true
		}
		return isDeclaration(e)
	})...)
}

func isDeclaration(e tap.Event) bool {
	name := e.Name()
	class := strings.HasPrefix(name, "exchange.") || strings.HasPrefix(name, "queue.")
	return e.From == tap.Client && class || e.From == tap.Broker && name == "channel.close"
}

// declared returns what was declared or bound. Who only looks declares nothing.
func (s *stage) declared() []tap.Event {
	return s.told(func(e tap.Event) bool {
		switch m := e.Method.(type) {
		case *wire.QueueDeclare:
			if m.Passive {
				return false
			}
		case *wire.ExchangeDeclare:
			if m.Passive {
				return false
			}
		}
		return e.From == tap.Client && isDeclaration(e)
	})
}

func (s *stage) told(what func(tap.Event) bool) []tap.Event {
	return s.lab.Tap.Recording().Find(tap.Filter{Where: what})
}
