package unroutable_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/5-unroutable"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// declareLost calls DeclareLost with a channel of its own.
func (s *stage) declareLost() error {
	ch := s.channel()
	return s.lab.Do("DeclareLost", func(context.Context) error { return unroutable.DeclareLost(ch) })
}

// mustDeclareLost calls DeclareLost where nothing stands in its way.
func (s *stage) mustDeclareLost(saw string) {
	err := s.declareLost()
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("%s, and DeclareLost returned: %v", saw, err),
		Want: "nil",
		Why:  "every service declares what it needs when it starts: the second one can't start",
		Read: read,
	})
}

func TestLostKeepsWhatNobodyAskedFor(t *testing.T) {
	s := newStage(t)
	s.mustDeclareLost("the broker was empty")
	s.lab.Declare(queue, nil)
	s.bind(key)

	keys := []string{typo, "", "payment.charge.v1", lost}
	for _, k := range keys {
		s.lab.Put(exchange, k, amqp.Publishing{Body: []byte("with key " + k)})
	}
	s.lab.Put(exchange, key, amqp.Publishing{Body: []byte("somebody asks for it")})

	claim := lab.Claim{
		Want: "all of them wait in the queue shop.lost, and nothing else does",
		Why:  "a typing error in a key: the commands of a whole day are gone, instead of waiting for a human",
		Read: read,
	}
	claim.Saw = "there is no queue shop.lost"
	s.lab.Check(s.lab.Exists(lost), claim)
	var kept []amqp.Delivery
	for range keys {
		if s.lab.Depth(lost) > 0 {
			kept = append(kept, s.lab.Get(lost))
		}
	}
	claim.Saw = fmt.Sprintf("%d commands for which there is no queue were published; %d of them are in shop.lost", len(keys), len(kept))
	s.lab.Check(len(kept) == len(keys), claim)
	for i, d := range kept {
		claim.Saw = fmt.Sprintf("published with key %q; it says in shop.lost: exchange %q, key %q", keys[i], d.Exchange, d.RoutingKey)
		s.lab.Check(d.Exchange == exchange && d.RoutingKey == keys[i], claim)
	}
	claim.Saw = "a queue took a command, and shop.lost has it too"
	s.lab.Check(s.lab.Depth(lost) == 0, claim)
	s.lab.Check(s.lab.Depth(queue) == 1, lab.Claim{
		Saw:  fmt.Sprintf("a command was published with the key of %s, which has %d messages now", queue, s.lab.Depth(queue)),
		Want: "one",
		Read: read,
	})
}

func TestKeptIsNotUnroutable(t *testing.T) {
	s := newStage(t)
	s.mustDeclareLost("the broker was empty")
	s.open()

	err := s.publish("order-7", typo).Wait()

	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("the queue behind the alternate exchange keeps order-7, and Publish returned: %v", err),
		Want: "nil: to RabbitMQ, a message that an alternate exchange takes is routed, and no return comes",
		Why:  "the relay keeps the command and sends it again and again: shop.lost fills with copies",
		Wire: s.answers(),
		Read: read,
	})
}

func TestEverythingIsDurable(t *testing.T) {
	s := newStage(t)

	s.mustDeclareLost("the broker was empty")

	claim := lab.Claim{
		Want: "durable exchanges and a durable queue, which neither a connection nor a consumer takes along when it ends",
		Why:  "what is not durable is gone after a restart of RabbitMQ: nobody keeps lost commands, and no error says so",
		Read: read,
	}
	s.lab.Fence(s.conn)
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client}) {
		claim.Wire = s.lab.Wire(e)
		switch d := e.Method.(type) {
		case *wire.ExchangeDeclare:
			claim.Saw = fmt.Sprintf("exchange %s was declared with durable=%t, auto-delete=%t", d.Exchange, d.Durable, d.AutoDelete)
			s.lab.Check(d.Passive || d.Durable && !d.AutoDelete, claim)
		case *wire.QueueDeclare:
			claim.Saw = fmt.Sprintf("queue %s was declared with durable=%t, exclusive=%t, auto-delete=%t",
				d.Queue, d.Durable, d.Exclusive, d.AutoDelete)
			s.lab.Check(d.Passive || d.Durable && !d.Exclusive && !d.AutoDelete, claim)
		}
	}
}

func TestDeclaringAgainChangesNothing(t *testing.T) {
	s := newStage(t)
	s.mustDeclareLost("the broker was empty")
	s.lab.Declare(queue, nil)
	s.bind(key)
	s.lab.Put(exchange, typo, amqp.Publishing{Body: []byte("order-7")})

	s.mustDeclareLost("all of it was there")

	claim := lab.Claim{
		Want: "what waits in shop.lost stays there, and other services' queues stay bound",
		Why:  "a service that starts throws away what others have kept",
		Read: read,
	}
	claim.Saw = "a command waited in shop.lost; DeclareLost was called again, and it is gone"
	s.lab.Check(s.lab.Depth(lost) == 1, claim)
	s.lab.Put(exchange, key, amqp.Publishing{Body: []byte("order-8")})
	claim.Saw = fmt.Sprintf("%s was bound to shop.commands; DeclareLost was called again, and it gets nothing any more", queue)
	s.lab.Check(s.lab.Depth(queue) == 1, claim)
}

// The connection breaks when shop.commands has just been declared. From then on others publish there.
func TestCommandBetweenDeclarationsIsKept(t *testing.T) {
	s := newStage(t)
	asked := false // the rule's own: Where is called in the order of the recording
	s.lab.Tap.Add(tap.Cut{When: tap.Before, On: tap.Trigger{Nth: 1, Filter: tap.Filter{Where: func(e tap.Event) bool {
		if d, ok := e.Method.(*wire.ExchangeDeclare); ok && d.Exchange == exchange && !d.Passive {
			asked = true
		}
		return asked && e.Name() == "exchange.declare-ok"
	}}}})

	s.lab.Error(s.declareLost(), lab.Claim{
		Saw:  "the connection broke in the middle, and DeclareLost returned nil",
		Want: "an error",
		Read: read,
	})
	s.lab.Put(exchange, typo, amqp.Publishing{Body: []byte("order-7")})

	kept := 0
	if s.lab.Exists(lost) {
		kept = s.lab.Depth(lost)
	}
	s.lab.Check(kept == 1, lab.Claim{
		Saw:  "the connection broke right after shop.commands was declared; a command that nobody asked for came, and it is gone",
		Want: "what is behind shop.commands is there before shop.commands is",
		Why:  "the others publish as soon as there is a shop.commands: what they lose until DeclareLost is called again, nobody keeps",
		Wire: s.declarations(),
		Read: read,
	})
	s.conn = s.lab.Dial()
	s.mustDeclareLost("the connection had broken in the middle; DeclareLost was called again on a new one")
	s.lab.Check(s.lab.Depth(lost) == 1, lab.Claim{
		Saw: "DeclareLost was called again, and what was kept is gone", Want: "it stays", Read: read,
	})
}

func TestConflictIsNamed(t *testing.T) {
	s := newStage(t)
	s.inventory() // shop.commands is there, without its alternate exchange

	err := s.declareLost()

	claim := lab.Claim{
		Want: "RabbitMQ's error (406, PRECONDITION_FAILED): it says what differs",
		Why:  "the service starts, believes that lost commands are kept, and they are not",
		Wire: s.declarations(),
		Read: read,
	}
	claim.Saw = "shop.commands is there without an alternate exchange"
	s.mustBe406(err, claim)
	s.lab.Put(exchange, key, amqp.Publishing{Body: []byte("order-7")})
	s.lab.Check(s.lab.Depth(queue) == 1, lab.Claim{
		Saw:  fmt.Sprintf("after the conflict %s gets no commands any more", queue),
		Want: "what is there stays as it is",
		Why:  "who deletes an exchange deletes its bindings: all commands of the running shop are lost",
		Wire: s.declarations(),
		Read: read,
	})
}

// What is behind shop.commands is there and differs: somebody else made it.
func TestConflictBehindIsNamed(t *testing.T) {
	for _, v := range []struct {
		name   string
		differ func(s *stage) error
	}{
		{"exchange", func(s *stage) error {
			return s.lab.Channel().ExchangeDeclare(lost, "direct", true, false, false, false, nil)
		}},
		{"queue", func(s *stage) error {
			s.lab.Declare(lost, amqp.Table{"x-max-length": int32(10)})
			return nil
		}},
	} {
		t.Run(v.name, func(t *testing.T) {
			s := newStage(t)
			if err := v.differ(s); err != nil {
				s.lab.Failf("declare the %s %s: %v", v.name, lost, err)
			}

			err := s.declareLost()

			s.mustBe406(err, lab.Claim{
				Saw:  fmt.Sprintf("the %s %s is there and differs", v.name, lost),
				Want: "RabbitMQ's error (406, PRECONDITION_FAILED): it says what differs",
				Why:  "\"channel is closed\", says the log of a service that doesn't start, and nobody knows which queue to look at",
				Wire: s.declarations(),
				Read: read,
			})
		})
	}
}

// mustBe406 claims that an error of DeclareLost wraps RabbitMQ's about a conflict. The claim's Saw says what was there.
func (s *stage) mustBe406(err error, claim lab.Claim) {
	there := claim.Saw
	claim.Saw = there + ", and DeclareLost returned nil"
	s.lab.Error(err, claim)
	var refused *amqp.Error
	claim.Saw = fmt.Sprintf("%s, and DeclareLost returned: %v", there, err)
	s.lab.Check(errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed, claim)
}

// declarations is the part of the recording that tells what was declared, and how RabbitMQ answered.
func (s *stage) declarations() string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Method.(type) {
		case *wire.ExchangeDeclare, *wire.ExchangeDelete, *wire.QueueDeclare, *wire.QueueBind, *wire.ExchangeBind, *wire.ChannelClose:
			return true
		}
		return e.Name() == "disconnect"
	}})...)
}
