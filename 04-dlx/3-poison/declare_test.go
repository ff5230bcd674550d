package poison_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/3-poison"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestQueuesKeepWhatTheyHave(t *testing.T) {
	s := newStage(t, 3)

	for _, name := range []string{queue, parked} {
		q := s.lab.Queue(name)
		claim := lab.Claim{
			Saw:  fmt.Sprintf("%s is a queue of type %s, durable=%v, with %v", name, q.Type, q.Durable, q.Arguments),
			Want: "a durable quorum queue without limits of time or length",
			Wire: s.told("queue.declare"),
			Read: about,
		}
		claim.Why = "classic queues count no deliveries, and live on one node with all that waits in them"
		s.lab.Check(q.Type == "quorum" && q.Durable, claim)
		claim.Why = "what nobody has looked at by then is gone: a parked order waits for a person, and people have weekends"
		for _, limit := range []string{"x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes"} {
			s.lab.Check(q.Arguments[limit] == nil, claim)
		}
	}
}

func TestLookingUsesNothingUp(t *testing.T) {
	const looks = 30 // RabbitMQ 4 allows 20 by itself
	s := newStage(t, 2, "order-7")
	call := s.consume()
	s.first(call).end <- errBroken
	s.first(call).end <- errBroken
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(parked) == 1 }), lab.Claim{
		Saw:  fmt.Sprintf("Declare was told 2 attempts, order-7 has failed twice, and %s has %d orders", parked, s.lab.Depth(parked)),
		Want: "order-7 is parked",
		Wire: s.story(),
		Read: about,
	})
	s.stopped(call)

	ch := s.lab.Channel()
	for look := range looks {
		d, ok, err := ch.Get(parked, false)
		if err != nil {
			s.lab.Failf("get from %s: %v", parked, err)
		}
		s.lab.Check(ok, lab.Claim{
			Saw:  fmt.Sprintf("somebody looked at order-7 in %s %d times and gave it back, and it is gone", parked, look),
			Want: "it stays however often one looks",
			Why: "the parked queue is a quorum queue too, and has a delivery limit: 20 on RabbitMQ 4, whoever declares none. At " +
				"the 21st look the last copy of a paid order is thrown away",
			Wire: s.told("queue.declare"),
			Read: about,
		})
		if err := d.Reject(true); err != nil {
			s.lab.Failf("give back to %s: %v", parked, err)
		}
		if _, err := ch.QueueDeclarePassive(parked, true, false, false, false, nil); err != nil { // the reject has arrived
			s.lab.Failf("look for %s: %v", parked, err)
		}
	}
	args := s.lab.Queue(parked).Arguments
	limit, limited := args["x-delivery-limit"].(float64)
	s.lab.Check(!limited || limit < 0 || limit >= 1e6, lab.Claim{
		Saw:  fmt.Sprintf("order-7 is still in %s after %d looks, but not for ever: it was declared with %v", parked, looks, args),
		Want: "a delivery limit that nobody reaches: a million, or more",
		Why:  "a script that looks once a minute reaches a small limit in hours, and the last copy of a paid order is thrown away",
		Wire: s.told("queue.declare"),
		Read: about,
	})
}

func TestDeadWaitForTheirQueue(t *testing.T) {
	s := newBareStage(t, lab.NewTimed)
	s.declare(1)
	saw := "the strategy of the dead is at-most-once: order-7 died while there was no " + parked + ", and is gone"
	claim := lab.Claim{
		Saw:  saw,
		Want: "it waits in its queue until there is one: dead-lettering at-least-once, with all that this needs",
		Why: "somebody deletes the parked queue, or it has no leader for a second: what dies then is gone without a trace, " +
			"however often it was confirmed",
		Wire: s.told("queue.declare"),
		Read: about,
	}
	if !s.lab.HasClock() { // RabbitMQ tries again after three minutes: nobody waits that long, so ask what it was told
		args := s.lab.Queue(queue).Arguments
		claim.Saw = fmt.Sprintf("%s; %s was declared with %v", saw, queue, args)
		s.lab.Check(args["x-dead-letter-strategy"] == "at-least-once" && args["x-overflow"] == "reject-publish", claim)
		return
	}
	s.lab.DeleteQueue(parked)
	s.lab.Publish(queue, "order-7")
	kill(s.lab, queue)

	s.declare(1) // as each service does when it starts
	s.lab.Pass(4 * time.Minute)

	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(parked) == 1 }), claim)
}

// kill lets the next message of a queue die, by a reject without requeue. It goes around the tap.
func kill(l *lab.Lab, queue string) {
	conn, err := amqp.Dial(l.DirectURL)
	if err != nil {
		l.Failf("dial: %v", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		l.Failf("open a channel: %v", err)
	}
	d, ok, err := ch.Get(queue, false)
	if err != nil || !ok {
		l.Failf("get from %s: %v, %v", queue, ok, err)
	}
	if err := d.Reject(false); err != nil {
		l.Failf("reject: %v", err)
	}
	if err := ch.Close(); err != nil { // the reject has arrived
		l.Failf("close the channel: %v", err)
	}
}

// TestBrokenOffDeclareLosesNothing cuts the connection before each method of Declare.
func TestBrokenOffDeclareLosesNothing(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	for step := range l.Sweep(tap.Filter{From: tap.Client}, tap.Before) {
		queue := step.Name("commands")
		conn := l.Dial()
		ch, err := conn.Channel()
		if err != nil {
			l.Failf("open a channel: %v", err)
		}
		step.Begin()
		err = l.Do("Declare", func(context.Context) error { return poison.Declare(ch, queue, 3) })
		if step.Struck() {
			l.Error(err, lab.Claim{
				Saw: step.String() + ": Declare returned nil", Want: "an error: nobody knows what was declared", Wire: step.Wire(), Read: about,
			})
		}
		if !l.Exists(queue) {
			continue
		}
		l.Publish(queue, "order-7")
		kill(l, queue)
		l.Check(l.Exists(queue+".parked") && l.Soon(func() bool { return l.Depth(queue+".parked") == 1 }), lab.Claim{
			Saw:  step.String() + ": the queue is there, order-7 died in it, and it did not arrive in " + queue + ".parked",
			Want: "what a queue relies on is there before the queue",
			Why: "the service dies while it declares, another one uses the queue that is there: what dies meanwhile is lost, or " +
				"waits where nobody sees it",
			Wire: step.Wire(),
			Read: about,
		})
	}
}

func TestNoAttemptsIsAnError(t *testing.T) {
	s := newBareStage(t, lab.New)

	for _, attempts := range []int{0, -1, -20} {
		err := s.tryDeclare(attempts)

		claim := lab.Claim{
			Saw:  fmt.Sprintf("Declare was told %d attempts, and returned nil", attempts),
			Want: "an error, and nothing is declared",
			Why: "a limit below zero means \"for ever\" to RabbitMQ 4 and \"never\" to RabbitMQ 3: a slip in a configuration, and the " +
				"poison is back",
			Wire: s.told("queue.declare"),
			Read: about,
		}
		s.lab.Error(err, claim)
		claim.Saw = fmt.Sprintf("Declare was told %d attempts, returned an error, and has declared a queue", attempts)
		s.lab.Check(!s.lab.Exists(queue) && !s.lab.Exists(parked), claim)
	}
}

func TestDeclareAgainChangesNothing(t *testing.T) {
	s := newStage(t, 3, "order-7")
	s.lab.Publish(parked, "order-6")
	s.declare(3) // every service declares at its start

	err := s.tryDeclare(5)

	claim := lab.Claim{
		Want: "an error that wraps RabbitMQ's *amqp.Error, with code 406",
		Why:  "the configuration says five attempts, the queue says three, and nobody finds out",
		Wire: s.told("queue.declare"),
		Read: about,
	}
	claim.Saw = "the queue is there for 3 attempts, and Declare with 5 returned nil"
	s.lab.Error(err, claim)
	var refusal *amqp.Error
	claim.Saw = fmt.Sprintf("the queue is there for 3 attempts, and the error of Declare with 5 doesn't say so: %v", err)
	s.lab.Check(errors.As(err, &refusal) && refusal.Code == amqp.PreconditionFailed, claim)
	for _, name := range []string{queue, parked} {
		s.lab.Check(s.lab.Exists(name) && s.lab.Depth(name) == 1, lab.Claim{
			Saw:  fmt.Sprintf("there was an order in %s before Declare was called again, and it is gone", name),
			Want: "what is there stays",
			Wire: s.told("queue.delete"),
			Read: about,
		})
	}
}
