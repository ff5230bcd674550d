package deadletter_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/1-deadletter"
	"warren.example/workshop/lab"
	"warren.example/workshop/management"
	"warren.example/workshop/tap"
)

// TestCutAnywhereLosesNothing cuts the connection before the first thing that Declare says, then before the second, and so
// on. Another service is at work already: it uses the queue as soon as there is one.
func TestCutAnywhereLosesNothing(t *testing.T) {
	s := newStage(t)
	refuse := s.refuser()
	for step := range s.lab.Sweep(tap.Filter{From: tap.Client}, tap.Before) {
		s.clear()
		s.ch = s.lab.Channel()
		step.Begin()

		err := s.declare()

		claim := lab.Claim{
			Want: "an error: not everything is declared",
			Why:  "the service starts, and its first refused order is lost",
			Wire: step.Wire(),
			Read: about,
		}
		if step.Struck() {
			claim.Saw = fmt.Sprintf("%s, and Declare returned nil", step)
			s.lab.Error(err, claim)
		} else {
			claim.Saw, claim.Want = fmt.Sprintf("nothing was cut, and Declare returned: %v", err), "nil"
			s.lab.NoError(err, claim)
		}
		if !s.lab.Exists(deadletter.Queue) {
			continue // so nothing can die there
		}
		s.lab.Publish(deadletter.Queue, "order-6")
		refuse()
		claim.Want = "either there is no " + deadletter.Queue + " yet, or what dies in it is in " + deadletter.Parked
		claim.Why = "a deployment is broken off in the middle; another service goes on refusing orders, and all of them are gone"
		claim.Saw = fmt.Sprintf("%s: there is %s, and an order that was refused there is not in %s",
			step, deadletter.Queue, deadletter.Parked)
		s.lab.Check(s.lab.Exists(deadletter.Parked), claim)
		s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(deadletter.Parked) == 1 }), claim)

		step.End()
		s.ch = s.lab.Channel()
		s.mustDeclare(step.String())
	}
}

// refuser returns a function that takes an order from Queue and refuses it, past the tap.
func (s *stage) refuser() func() {
	conn, err := amqp.Dial(s.lab.DirectURL)
	if err != nil {
		s.lab.Failf("dial: %v", err)
	}
	s.cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		s.lab.Failf("open a channel: %v", err)
	}
	return func() {
		var d amqp.Delivery
		s.lab.Await("an order to refuse", func() (ok bool) {
			if d, ok, err = ch.Get(deadletter.Queue, false); err != nil {
				s.lab.Failf("get from %s: %v", deadletter.Queue, err)
			}
			return ok
		})
		if err := d.Reject(false); err != nil {
			s.lab.Failf("reject: %v", err)
		}
	}
}

// clear deletes all that an earlier step has declared.
func (s *stage) clear() {
	s.lab.DeleteQueue(deadletter.Queue)
	s.lab.DeleteQueue(deadletter.Parked)
	if err := s.lab.Channel().ExchangeDelete(deadletter.Exchange, false, false); err != nil {
		s.lab.Failf("delete %s: %v", deadletter.Exchange, err)
	}
}

// Other services were there before: they share shop.dead, and somebody listens to all of it.
func TestShopDeadIsEverybodys(t *testing.T) {
	s := newStage(t)
	s.sameExchange("inventory declares shop.dead before")
	s.lab.Declare("monitor", nil)
	if err := s.lab.Channel().QueueBind("monitor", "#", deadletter.Exchange, false, nil); err != nil {
		s.lab.Failf("bind the monitor's queue: %v", err)
	}
	s.mustDeclare("shop.dead was there already, durable and of type topic")
	s.sameExchange("inventory declares shop.dead afterwards")
	s.lab.Check(slices.ContainsFunc(s.lab.Bindings(), func(b management.Binding) bool { return b.Destination == "monitor" }), lab.Claim{
		Saw:  "somebody listened to all of shop.dead; Declare was called, and nothing is bound for them any more",
		Want: "what is there stays as it is",
		Why:  "each start of any service takes the dead letters away from all the others",
		Wire: s.declarations(),
		Read: about,
	})

	s.lab.Put(deadletter.Exchange, "inventory.parked", amqp.Publishing{Body: []byte("reservation-3")})
	s.lab.Put(deadletter.Exchange, "order.returns.parked", amqp.Publishing{Body: []byte("return-4")})
	s.lab.Put(deadletter.Exchange, "order.events", amqp.Publishing{Body: []byte("event-5")})
	call, _ := s.handle()
	for _, others := range []string{"reservation-3", "return-4", "event-5"} {
		if m := s.lab.Get("monitor"); string(m.Body) != others {
			s.lab.Failf("the monitor heard of %q where %q was published", m.Body, others)
		}
	}
	s.lab.Publish(deadletter.Queue, bad)
	s.lab.Soon(func() bool { return s.lab.Depth("monitor") > 0 || !call.Running() })
	s.lab.Check(s.lab.Depth("monitor") > 0, lab.Claim{
		Saw:  "somebody listens to all of shop.dead, and the order that was refused did not pass there",
		Want: "the dead go over shop.dead",
		Why:  "who counts the dead, and wakes somebody up for them, counts none",
		Wire: s.declarations(),
		Read: about,
	})
	m := s.lab.Get("monitor")
	s.lab.Check(m.RoutingKey == deadletter.Parked, lab.Claim{
		Saw:  fmt.Sprintf("the dead order passed shop.dead with the key %q", m.RoutingKey),
		Want: fmt.Sprintf("the key %q", deadletter.Parked),
		Why:  "whoever listens on shop.dead can't tell by the key whose dead it hears",
		Wire: s.declarations(),
		Read: about,
	})
	s.lab.Soon(func() bool { return s.lab.Depth(deadletter.Parked) > 0 })
	for _, d := range s.lab.Drain(deadletter.Parked) {
		s.lab.Check(string(d.Body) == bad, lab.Claim{
			Saw:  fmt.Sprintf("%q passed shop.dead with another key, and is in %s", d.Body, deadletter.Parked),
			Want: "on shop.dead are the dead of all services; here are those of " + deadletter.Queue,
			Why:  "somebody sends back what is parked here, and the order service is sent what the inventory refused",
			Wire: s.declarations(),
			Read: about,
		})
	}
	s.stopped(call)
}

// sameExchange declares shop.dead as other services do. Who says who does it.
func (s *stage) sameExchange(who string) {
	err := s.lab.Channel().ExchangeDeclare(deadletter.Exchange, amqp.ExchangeTopic, true, false, false, false, nil)
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("%s, as a durable topic exchange that stays, and RabbitMQ says: %v", who, err),
		Want: "nil: that is what it is",
		Why:  "no other service can start; or the exchange is gone after a restart, and dead letters are dropped",
		Wire: s.declarations(),
		Read: about,
	})
}

func TestParkedOrdersWait(t *testing.T) {
	s := newShop(t)
	s.lab.Publish(deadletter.Parked, "order-3")
	s.lab.Publish(deadletter.Queue, "order-4")

	s.mustDeclare("Declare had been called before") // another service starts

	for queue, want := range map[string]string{deadletter.Parked: "order-3", deadletter.Queue: "order-4"} {
		q := s.lab.Queue(queue)
		claim := lab.Claim{
			Saw:  fmt.Sprintf("%s is declared durable=%v, auto-delete=%v, exclusive=%v, %v", queue, q.Durable, q.AutoDelete, q.Exclusive, q.Arguments),
			Want: "it is durable and stays, with all that waits in it",
			Wire: s.declarations(),
			Read: about,
		}
		claim.Why = "RabbitMQ is restarted, or the last consumer goes home: the queue is gone, and so are the orders"
		s.lab.Check(q.Durable && !q.AutoDelete && !q.Exclusive, claim)
		claim.Why = "nobody looks for a week: RabbitMQ throws away what nobody has mended yet"
		s.lab.Check(q.Arguments["x-expires"] == nil && q.Arguments["x-message-ttl"] == nil, claim)
		overflow, _ := q.Arguments["x-overflow"].(string)
		refuses := queue == deadletter.Queue && strings.HasPrefix(overflow, "reject-publish")
		claim.Why = "on a bad day the newest push out the oldest"
		s.lab.Check(refuses || q.Arguments["x-max-length"] == nil && q.Arguments["x-max-length-bytes"] == nil, claim)
		s.lab.Check(s.lab.Depth(queue) == 1, lab.Claim{
			Saw:  fmt.Sprintf("%s waited in %s, Declare was called once more, and there are %d", want, queue, s.lab.Depth(queue)),
			Want: want + ": what is there stays as it is",
			Why:  "each start of any service throws away what waits",
			Wire: s.declarations(),
			Read: about,
		})
	}
}

func TestConflictKeepsWhatWaits(t *testing.T) {
	s := newStage(t)
	s.lab.Declare(deadletter.Queue, nil) // of the days before there was a shop.dead
	s.lab.Publish(deadletter.Queue, "order-7")

	err := s.declare()

	s.lab.Check(s.lab.Exists(deadletter.Queue) && s.lab.Depth(deadletter.Queue) == 1, lab.Claim{
		Saw:  deadletter.Queue + " was there with order-7 in it and without a dead letter exchange; order-7 is gone",
		Want: "nothing is deleted or emptied",
		Why:  "a new version is rolled out, and all orders that wait are thrown away",
		Wire: s.declarations(),
		Read: about,
	})
	claim := lab.Claim{
		Want: "RabbitMQ's error (406, PRECONDITION_FAILED)",
		Why:  "the queue has no dead letter exchange and gets none: all believe that refused orders are parked, and they are dropped",
		Wire: s.declarations(),
		Read: about,
	}
	claim.Saw = deadletter.Queue + " is there without a dead letter exchange, and Declare returned nil"
	s.lab.Error(err, claim)
	var refused *amqp.Error
	claim.Saw = fmt.Sprintf("%s is there without a dead letter exchange, and Declare returned: %v", deadletter.Queue, err)
	s.lab.Check(errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed, claim)
}
