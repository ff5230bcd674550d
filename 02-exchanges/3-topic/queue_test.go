package topic_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/3-topic"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestEventsGatherWhileNobodyListens(t *testing.T) {
	s := newStage(t)
	queue, err := s.declare("mailer", interest("user.signup"))
	s.lab.NoError(err, lab.Claim{Want: "nil: nothing speaks against the listener", Read: read})

	if err := s.conn.Close(); err != nil { // the mailer goes home
		s.lab.Failf("close the listener's connection: %v", err)
	}

	claim := lab.Claim{
		Want: "the queue stays, and events gather in it: durable, neither exclusive nor auto-delete",
		Why:  "who signs up while the mailer is started again never gets a mail",
		Read: read,
	}
	claim.Saw = fmt.Sprintf("the mailer has gone, and so has its queue %q", queue)
	s.lab.Check(s.lab.Exists(queue), claim)
	q := s.lab.Queue(queue)
	claim.Saw = fmt.Sprintf("the queue has durable=%t, exclusive=%t, auto-delete=%t", q.Durable, q.Exclusive, q.AutoDelete)
	s.lab.Check(q.Durable && !q.Exclusive && !q.AutoDelete, claim)
	claim.Want = "all events that fit gather in the queue, however many, however long"
	for _, limit := range []string{"x-expires", "x-message-ttl", "x-max-length", "x-max-length-bytes"} {
		claim.Saw = fmt.Sprintf("the queue was declared with %s=%v", limit, q.Arguments[limit])
		s.lab.Check(q.Arguments[limit] == nil, claim)
	}
	s.happen("user.signup")
	claim.Saw = "somebody signed up while the mailer was away, and that is not in its queue"
	s.lab.Check(slices.Equal(bodies(s.take(queue)), []string{"user.signup"}), claim)
}

func TestDeclareAgainOnlyAdds(t *testing.T) {
	s := newStage(t)
	first := s.mustDeclare("mailer", interest("user.signup"))
	s.happen("user.signup")
	s.ch = s.channel(s.lab.Dial()) // the mailer was started again, or a second one was

	second := s.mustDeclare("mailer", interest("user.login"))

	s.lab.Check(first == second, lab.Claim{
		Saw:  fmt.Sprintf("the mailer got the queue %q first, and then the queue %q", first, second),
		Want: "the same name, the same queue",
		Why:  "each start leaves a queue behind in which events gather until the disk is full, and what waited in it is never read",
		Read: read,
	})
	got := bodies(s.take(second))
	s.lab.Check(slices.Equal(got, []string{"user.signup"}), lab.Claim{
		Saw:  fmt.Sprintf("user.signup waited in the queue; Declare was called again; then %q waited there", got),
		Want: "what waits in the queue stays there",
		Why:  "each start of the mailer forgets those who are still waiting for their mail",
		Read: read,
	})
	s.happen("user.signup", "user.login")
	got = bodies(s.take(second))
	s.lab.Check(slices.Equal(got, []string{"user.signup", "user.login"}), lab.Claim{
		Saw:  fmt.Sprintf("the mailer asked for user.signup, later for user.login, and heard of %q", got),
		Want: "both: Declare only adds",
		Why:  "while a new version starts, the old one still needs what it asked for",
		Read: read,
	})
}

func TestLostConnectionIsAnError(t *testing.T) {
	s := newStage(t)
	s.lab.Tap.Add(tap.Cut{On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "queue.bind"}}})

	_, err := s.declare("mailer", interest("user.signup"))

	s.lab.Error(err, lab.Claim{
		Saw:  "the connection broke before RabbitMQ had bound the queue, and Declare returned nil",
		Want: "an error: RabbitMQ has not said that the queue is bound",
		Why:  "the service believes that it listens, and hears of nothing until it is started again",
		Wire: s.lab.Wire(s.said()...),
		Read: "02-exchanges/README.md#binding",
	})
	s.lab.Error(s.publish("user", "signup"), lab.Claim{
		Saw:  "the connection is gone, and Publish returned nil",
		Want: "an error",
		Why:  "something has happened, nobody is told, and nobody knows that",
		Read: read,
	})
}

// refusedWith406 claims that an error is RabbitMQ's own, for a conflict.
func (s *stage) refusedWith406(function, what string, err error) {
	claim := lab.Claim{
		Want: "an error that wraps RabbitMQ's *amqp.Error, with code 406",
		Why:  "RabbitMQ says in one sentence what is wrong, and somebody searches all night since it was thrown away",
		Read: "02-exchanges/README.md#conflict",
	}
	claim.Saw = fmt.Sprintf("%s, and %s returned nil", what, function)
	s.lab.Error(err, claim)
	var refused *amqp.Error
	claim.Saw = fmt.Sprintf("%s, and the error of %s doesn't say so: %v", what, function, err)
	s.lab.Check(errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed, claim)
	claim.Want = "an error that says at which step, and wraps the cause"
	claim.Saw = fmt.Sprintf("%s, and the error of %s is RabbitMQ's own, without a word about the step: %v", what, function, err)
	claim.Why = "it stands in the log among others, and nobody knows what the service was doing"
	s.lab.Check(err.Error() != refused.Error(), claim)
}

// exchange declares shop.events as somebody else has it.
func (s *stage) exchange(kind string) {
	if err := s.own.ExchangeDeclare(topic.Exchange, kind, true, false, false, false, nil); err != nil {
		s.lab.Failf("declare exchange %q: %v", topic.Exchange, err)
	}
}

func TestConflictIsNamed(t *testing.T) {
	s := newStage(t)
	queue := s.mustDeclare("mailer", interest("user.signup"))
	s.lab.DeleteQueue(queue)
	s.lab.Declare(queue, amqp.Table{"x-max-length": 10}) // somebody else wants it to be short

	_, err := s.declare("mailer", interest("user.signup"))
	s.refusedWith406("Declare", "the queue is there with other properties", err)

	if err := s.own.ExchangeDelete(topic.Exchange, false, false); err != nil {
		s.lab.Failf("delete exchange %q: %v", topic.Exchange, err)
	}
	s.exchange(amqp.ExchangeFanout)
	s.ch = s.channel(s.conn)
	_, err = s.declare("other", interest("user.signup"))
	s.refusedWith406("Declare", topic.Exchange+" is there as a fanout exchange", err)

	s.ch = s.channel(s.conn)
	err = s.publish("user", "signup")
	s.refusedWith406("Publish", topic.Exchange+" is there as a fanout exchange", err)
}

func TestExchangeIsTheOneOfTheShop(t *testing.T) {
	s := newStage(t)
	s.exchange(amqp.ExchangeTopic) // durable, not auto-delete

	queue, err := s.declare("mailer", interest("user.*"))

	claim := lab.Claim{
		Want: "nil: " + topic.Exchange + " is a durable exchange of type topic for all, not auto-delete",
		Why: "an exchange that is not durable is gone after a restart of the broker, with all bindings; an auto-delete one " +
			"goes with its last binding",
		Read: "02-exchanges/README.md#conflict",
	}
	claim.Saw = fmt.Sprintf("another service had made %s as the contract has it, and Declare returned: %v", topic.Exchange, err)
	s.lab.NoError(err, claim)
	err = s.publish("user", "signup")
	claim.Saw = fmt.Sprintf("another service had made %s as the contract has it, and Publish returned: %v", topic.Exchange, err)
	s.lab.NoError(err, claim)
	s.lab.Check(slices.Equal(bodies(s.came(queue)), []string{"user.signup"}), lab.Claim{
		Saw: "the mailer does not hear of user.signup", Want: "it does", Read: read,
	})
}
