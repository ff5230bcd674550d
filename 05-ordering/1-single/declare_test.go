package single_test

import (
	"errors"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/lab"
)

func TestQueueIsOfItsKind(t *testing.T) { onBoth(t, queueIsOfItsKind) }

func queueIsOfItsKind(t *testing.T, kind string) {
	s := newStage(t, kind, 1)

	err := s.declare(queue, kind) // every process declares at its start

	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("Declare was called again, and returned: %v", err),
		Want: "nil: the queue is as it should be",
		Why:  "the second process, which should stand by, does not start",
		Read: about,
	})
	s.lab.Check(s.lab.Depth(queue) == 1, lab.Claim{
		Saw: "Declare was called again, and step-1 is gone", Want: "calling it again changes nothing", Read: about,
	})
	q := s.lab.Queue(queue)
	s.lab.Check(q.Type == kind && q.Durable && !q.Exclusive && !q.AutoDelete, lab.Claim{
		Saw: fmt.Sprintf("Declare was called for a %s queue: its type is %s, durable %v, exclusive %v, auto-delete %v",
			kind, q.Type, q.Durable, q.Exclusive, q.AutoDelete),
		Want: "a durable queue of that type, for all processes",
		Why:  "a restart takes the queue along, and the steps in it; or other processes can't stand by",
		Read: about,
	})
	s.lab.Check(q.Arguments["x-single-active-consumer"] == true, lab.Claim{
		Saw:  fmt.Sprintf("Declare made the queue with the arguments %v", q.Arguments),
		Want: "x-single-active-consumer: true, an argument of the queue",
		Why:  "RabbitMQ hands the steps to all processes in turn: each handles its own in order, and all together don't",
		Read: about,
	})
}

func TestOtherKindsAreRefused(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	s := &stage{lab: l}
	for i, kind := range []string{"stream", "Quorum", ""} {
		name := fmt.Sprintf("%s.%d", queue, i)
		err := s.declare(name, kind)
		claim := lab.Claim{
			Saw:  fmt.Sprintf("Declare was called with the kind %q, and returned nil", kind),
			Want: "an error, and nothing is declared: only classic and quorum queues have a single active consumer",
			Why:  "a typing error in a configuration, and the steps are in a queue of a kind that nobody chose",
			Read: about,
		}
		l.Error(err, claim)
		claim.Saw = fmt.Sprintf("Declare was called with the kind %q, and made a queue", kind)
		l.Check(!l.Exists(name), claim)
	}
}

func TestConflictIsAnError(t *testing.T) { onBoth(t, conflictIsAnError) }

func conflictIsAnError(t *testing.T, kind string) {
	l := lab.New(t)
	s := &stage{lab: l}
	l.Declare(queue, amqp.Table{"x-queue-type": kind}) // as it was before somebody thought of order
	l.Publish(queue, "step-1")

	err := s.declare(queue, kind)

	claim := lab.Claim{
		Saw:  "the queue was there with all its consumers active, and Declare returned nil",
		Want: "an error that wraps RabbitMQ's *amqp.Error, with code 406",
		Why:  "nobody notices that the order is kept by luck alone",
		Read: about,
	}
	l.Error(err, claim)
	var refused *amqp.Error
	claim.Saw = fmt.Sprintf("the queue was there with all its consumers active, and Declare returned: %v", err)
	l.Check(errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed, claim)
	l.Check(l.Exists(queue) && l.Queue(queue).Arguments["x-single-active-consumer"] == nil && l.Depth(queue) == 1, lab.Claim{
		Saw:  "the queue was there with other arguments, and Declare deleted it or made it anew",
		Want: "it stays as it is, and so does step-1",
		Why:  "somebody else's queue is gone, with the steps of sagas in it",
		Read: about,
	})
}
