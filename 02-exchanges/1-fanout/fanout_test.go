package fanout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/1-fanout"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

var (
	teapots = fanout.Update{SKU: "teapot", Left: 3}
	fewer   = fanout.Update{SKU: "teapot", Left: 2}
	none    = fanout.Update{SKU: "teapot", Left: 0}
)

func TestEverySubscriberHearsEveryUpdate(t *testing.T) {
	s := newStage(t)
	catalogs := []*catalog{
		s.catalog("catalog-1", s.conn), s.catalog("catalog-2", s.conn), // two in one process
		s.catalog("catalog-3", s.lab.Dial()),
	}
	for _, c := range catalogs {
		s.run(c)
	}

	s.mustPublish(teapots, fewer, none)

	for _, c := range catalogs {
		s.hears(c, teapots, fewer, none)
	}
	answered := s.lab.Soon(func() bool { return s.unanswered() == 0 })
	s.lab.Check(answered, lab.Claim{
		Saw:  fmt.Sprintf("all updates are handled, and %d of them have no answer", s.unanswered()),
		Want: "what was handled is answered, or consumed with autoAck",
		Why:  "RabbitMQ keeps what has no answer, more from day to day, and after half an hour it closes the channel",
		Read: "02-exchanges/README.md#fanout",
	})
	for _, c := range catalogs {
		s.lab.NoError(c.call.Stopped(), lab.Claim{Want: "nil: stopping is no error"})
	}
}

// unanswered returns how many updates were delivered and not answered.
func (s *stage) unanswered() (n int) {
	for _, name := range s.queues() {
		n += s.lab.Unacked(name)
	}
	return n
}

func TestNobodyHasToListen(t *testing.T) {
	s := newStage(t)

	s.leavesOpen("on an empty broker", teapots)
	s.leavesOpen("again", fewer)
	// RabbitMQ has moved to a new machine.
	if err := s.lab.Channel().ExchangeDelete(fanout.Exchange, false, false); err != nil {
		s.lab.Failf("delete the exchange: %v", err)
	}
	s.leavesOpen("where the exchange had been deleted", teapots)

	c := s.catalog("catalog-1", s.conn)
	s.run(c)
	s.mustPublish(none)
	s.hears(c, none)
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "basic.publish"}) {
		var fields struct{ SKU, Left any }
		err := json.Unmarshal(e.Body, &fields)
		s.lab.Check(err == nil && fields.SKU == "teapot" && fields.Left != nil, lab.Claim{
			Saw:  fmt.Sprintf("the update travels as %q", e.Body),
			Want: `JSON, such as {"sku":"teapot","left":3}`,
			Why:  "a catalog of another version, or in another language, reads something else, or nothing",
		})
	}
}

// leavesOpen claims that Publish returns nil, and that its channel is open when RabbitMQ has taken the update.
func (s *stage) leavesOpen(where string, u fanout.Update) {
	s.mustPublish(u)
	s.taken()
	s.lab.Check(!s.ch.IsClosed(), lab.Claim{
		Saw:  "Publish returned nil " + where + ", and then its caller's channel was closed",
		Want: "Publish makes the exchange if it isn't there, and the channel stays open",
		Why:  "until the first catalog starts, whatever else the inventory sends on this channel is lost with it",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
			return e.Name() == "basic.publish" || e.Name() == "channel.close"
		}})...),
		Read: "02-exchanges/README.md#exchange",
	})
}

func TestConflictIsNamed(t *testing.T) {
	s := newStage(t)
	if err := s.lab.Channel().ExchangeDeclare(fanout.Exchange, "topic", true, false, false, false, nil); err != nil {
		s.lab.Failf("declare the exchange: %v", err)
	}

	err := s.publish(teapots)

	claim := lab.Claim{
		Want: "an error that says at which step, and wraps RabbitMQ's 406, so that errors.As finds it",
		Why:  "somebody looks for a dead line, where a word in a declaration is wrong",
		Read: "02-exchanges/README.md#conflict",
	}
	claim.Saw = "somebody has made a topic exchange " + fanout.Exchange + ", and Publish returned nil"
	s.lab.Error(err, claim)
	var refused *amqp.Error
	claim.Saw = fmt.Sprintf("RabbitMQ refused the exchange with 406, and Publish's error doesn't wrap that: %v", err)
	s.lab.Check(errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed, claim)
}

func TestNilMeansSent(t *testing.T) {
	s := newStage(t)

	err := s.lab.Do("Publish", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel() // the client sends nothing for such a ctx
		return fanout.Publish(ctx, s.ch, teapots)
	})

	s.taken()
	sent := s.lab.Tap.Recording().Count(tap.Filter{From: tap.Client, Method: "basic.publish"}) > 0
	s.lab.Check(sent || err != nil, lab.Claim{
		Saw:  "ctx had ended, and Publish returned nil and sent nothing",
		Want: "an error: something failed",
		Why:  "the inventory believes that the catalogs were told, and they sell what is sold out",
		Read: "02-exchanges/README.md#fanout",
	})
	s.lab.Finished(err)
}

func TestSubscriberMayComeFirst(t *testing.T) {
	s := newStage(t)
	c := s.catalog("catalog-1", s.conn)

	s.run(c)

	s.put(`{"sku":"teapot","left":3}`)
	s.hears(c, teapots)
}

func TestExchangeIsAsOthersDeclareIt(t *testing.T) {
	s := newStage(t)
	// The shop's accounting listens too. It was written by others.
	if err := s.lab.Channel().ExchangeDeclare(fanout.Exchange, "fanout", true, false, false, false, nil); err != nil {
		s.lab.Failf("declare the exchange: %v", err)
	}
	c := s.catalog("catalog-1", s.conn)

	s.run(c)
	s.mustPublish(teapots)
	s.hears(c, teapots)
}

func TestUpdatesAreHandledInTurn(t *testing.T) {
	s := newStage(t)
	c := s.catalog("catalog-1", s.conn)
	s.run(c)
	resume := s.pause(c)

	s.comeQuickly(c, teapots, fewer, none)

	_, most := c.told()
	s.lab.Check(most <= 1, lab.Claim{
		Saw:  fmt.Sprintf("3 updates came quickly, and %d handles ran at once", most),
		Want: "one at a time, in the order in which the updates came",
		Why:  "who comes last wins: now and then that is the older update, and the catalog sells what is sold out",
		Read: "02-exchanges/README.md#fanout",
	})
	resume()
	s.hears(c, teapots, fewer, none)
}

func TestMalformedMessageIsSkipped(t *testing.T) {
	s := newStage(t)
	c := s.catalog("catalog-1", s.conn)
	s.run(c)

	s.put("3 teapots left", `{"sku":"teapot","left":2}`)

	s.hears(c, fewer)
	s.lab.Fence(s.conn)
	back := s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
		switch m := e.Method.(type) {
		case *wire.BasicNack:
			return m.Requeue
		case *wire.BasicReject:
			return m.Requeue
		case *wire.BasicRecover:
			return true
		}
		return false
	}})
	s.lab.Check(len(back) == 0, lab.Claim{
		Saw:  fmt.Sprintf("a message that is no update went back to the queue, %d times up to now", len(back)),
		Want: "it is skipped once and for all",
		Why:  "it comes again, is as wrong as before and goes back, thousands of times in a second, for ever",
		Wire: s.story(),
		Read: "02-exchanges/README.md#fanout",
	})
	answered := s.lab.Soon(func() bool { return s.unanswered() == 0 })
	s.lab.Check(answered, lab.Claim{
		Saw:  "a message that is no update was skipped, and RabbitMQ got no answer for it",
		Want: "it is skipped once and for all: RabbitMQ may forget it",
		Why:  "RabbitMQ keeps what has no answer, and after half an hour it closes the channel",
		Wire: s.story(),
	})
	s.put(`{"sku":"teapot","left":0}`)
	s.hears(c, fewer, none)
}

func TestNewFieldsAreNoMistake(t *testing.T) {
	s := newStage(t)
	c := s.catalog("catalog-1", s.conn)
	s.run(c)

	s.put(`{"sku":"teapot","left":3,"warehouse":"north"}`, `{"sku":"teapot","left":2}`)

	s.hears(c, teapots, fewer)
}

func TestQueueIsForThisConnectionOnly(t *testing.T) {
	s := newStage(t)
	s.run(s.catalog("catalog-1", s.conn))

	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "queue.declare"}) {
		d := e.Method.(*wire.QueueDeclare)
		s.lab.Check(d.Exclusive || d.Passive, lab.Claim{
			Saw:  fmt.Sprintf("the queue was declared with durable=%t, exclusive=%t", d.Durable, d.Exclusive),
			Want: "exclusive=true",
			Why: "RabbitMQ 4.3 refuses queues that are neither durable nor exclusive, with 541, and closes the connection; and " +
				"from a queue that is open to others somebody may take updates away",
			Wire: s.lab.Wire(e),
			Read: "02-exchanges/README.md#fanout",
		})
	}
}
