package direct_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/2-direct"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestEachOrderGoesWhereItsKindIsTaken(t *testing.T) {
	s := newStage(t)
	s.mustDeclare(shelves, direct.Standard)
	s.mustDeclare(express, direct.Priority)
	s.mustDeclare(ledger, direct.Standard, direct.Priority)

	s.mustPlace(direct.Standard, "order-1", "order-2")
	s.mustPlace(direct.Priority, "order-3", "order-4")
	s.mustPlace(direct.Standard, "order-5")
	s.mustPlace(direct.Priority, "order-6")

	s.waitsIn(shelves, "order-1", "order-2", "order-5")
	s.waitsIn(express, "order-3", "order-4", "order-6")
	s.waitsIn(ledger, "order-1", "order-2", "order-3", "order-4", "order-5", "order-6")
}

// waitsIn claims that these orders wait in a queue and no others, in the order in which they were placed.
func (s *stage) waitsIn(queue string, want ...string) {
	got := s.drain(queue, want[len(want)-1])
	s.lab.Check(slices.Equal(got, want), lab.Claim{
		Saw:  fmt.Sprintf("order-1, 2 and 5 are standard, order-3, 4 and 6 are priority, and in %s wait %v", queue, got),
		Want: fmt.Sprintf("%v: each order once in each queue that takes its kind, in the order in which they were placed", want),
		Why:  "a parcel is sent twice, or an urgent one lies among the others, or nobody ever picks it",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
			return slices.Contains([]string{"exchange.declare", "queue.bind", "basic.publish"}, e.Name())
		}})...),
		Read: "02-exchanges/README.md#binding",
	})
}

func TestRoutingKeyIsTheKind(t *testing.T) {
	s := newStage(t)
	s.mustDeclare(express, direct.Priority)
	s.lab.Declare(ledger, nil) // made by others, who know the exchange and the kinds and have no part in this package
	if err := s.lab.Channel().QueueBind(ledger, "priority", direct.Exchange, false, nil); err != nil {
		s.lab.Failf("bind a queue: %v", err)
	}

	s.put(direct.Priority, "order-1")
	s.mustPlace(direct.Priority, "order-2")

	for _, queue := range []string{express, ledger} {
		got := s.drain(queue, "order-2")
		s.lab.Check(slices.Equal(got, []string{"order-1", "order-2"}), lab.Claim{
			Saw: fmt.Sprintf("order-1 was sent by others with the key priority, order-2 by Place; %s takes priority and has %v",
				queue, got),
			Want: "order-1 and order-2: the routing key is the kind, for Declare and for Place",
			Why:  "the invoices are written by another team: none of their orders arrives, and no program reports an error",
			Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
				return e.Name() == "queue.bind" || e.Name() == "basic.publish"
			}})...),
			Read: "02-exchanges/README.md#direct",
		})
	}
}

func TestUnknownKindIsNotPlaced(t *testing.T) {
	s := newStage(t)
	s.mustDeclare(shelves, direct.Standard)

	err := s.place("order-7", "prioritty")

	claim := lab.Claim{
		Want: "an error that names the kind, and nothing is sent",
		Why:  "no queue takes prioritty: RabbitMQ drops the order without a word, and the customer waits for ever",
		Read: "02-exchanges/README.md#unroutable",
	}
	claim.Saw = "an order of the kind prioritty was placed, and Place returned nil"
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("an order of the kind prioritty was placed, and Place's error doesn't say so: %v", err)
	s.lab.Check(strings.Contains(err.Error(), "prioritty"), claim)
	s.mustPlace(direct.Standard, "order-8")
	got := s.drain(shelves, "order-8")
	claim.Saw = fmt.Sprintf("Place returned an error for order-7, and in %s wait %v", shelves, got)
	s.lab.Check(slices.Equal(got, []string{"order-8"}), claim)
}

func TestUnknownKindIsNotDeclared(t *testing.T) {
	s := newStage(t)

	err := s.declare(express, direct.Priority, "urgent")

	claim := lab.Claim{
		Want: "an error that names the kind, and nothing is made",
		Why:  "a queue that waits for a kind that nobody places looks like a queue that has nothing to do",
		Read: "02-exchanges/README.md#direct",
	}
	claim.Saw = "a queue was declared for the kind urgent, and Declare returned nil"
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("a queue was declared for the kind urgent, and Declare's error doesn't say so: %v", err)
	s.lab.Check(strings.Contains(err.Error(), "urgent"), claim)
	claim.Saw = "Declare returned an error, and left behind the queue " + express
	s.lab.Check(!s.lab.Exists(express), claim)
}

func TestConflictIsNamed(t *testing.T) {
	s := newStage(t)
	s.lab.Declare(shelves, amqp.Table{"x-max-length": 1000}) // made by somebody who wanted a limit

	err := s.declare(shelves, direct.Standard)

	claim := lab.Claim{
		Want: "an error that says at which step, and wraps RabbitMQ's 406, so that errors.As finds it",
		Why:  "somebody looks for a dead line, where a word in a declaration is wrong",
		Read: "02-exchanges/README.md#conflict",
	}
	claim.Saw = "the queue is there with another limit, and Declare returned nil"
	s.lab.Error(err, claim)
	var refused *amqp.Error
	claim.Saw = fmt.Sprintf("RabbitMQ refused the queue with 406, and Declare's error doesn't wrap that: %v", err)
	s.lab.Check(errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed, claim)
}

func TestNilMeansSent(t *testing.T) {
	s := newStage(t)
	s.mustDeclare(shelves, direct.Standard)
	if err := s.ch.Close(); err != nil {
		s.lab.Failf("close the channel: %v", err)
	}

	err := s.place("order-7", direct.Standard)

	claim := lab.Claim{
		Want: "an error that wraps the cause: nothing was sent",
		Why:  "the customer is told that the order is on its way, and no queue has it",
		Read: "01-basics/README.md#channel",
	}
	claim.Saw = "the channel was closed, and Place returned nil"
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("the channel was closed, and Place's error doesn't wrap amqp.ErrClosed: %v", err)
	s.lab.Check(errors.Is(err, amqp.ErrClosed), claim)
}

func TestDeclareAgainKeepsWhatWaits(t *testing.T) {
	s := newStage(t)
	s.mustDeclare(shelves, direct.Standard)
	s.mustPlace(direct.Standard, "order-1")
	s.lab.Await("order-1 in its queue", func() bool { return s.lab.Depth(shelves) == 1 })

	s.mustDeclare(shelves, direct.Priority) // from now on these too
	s.mustPlace(direct.Priority, "order-2")
	s.mustPlace(direct.Standard, "order-3")

	got := s.drain(shelves, "order-3")
	s.lab.Check(slices.Equal(got, []string{"order-1", "order-2", "order-3"}), lab.Claim{
		Saw: fmt.Sprintf("order-1 waited in %s, which was declared again, for one more kind; order-2 and order-3 followed, "+
			"and there are %v now", shelves, got),
		Want: "order-1, order-2 and order-3: to declare is to make sure, it takes nothing away",
		Why:  "each restart of a program that declares empties the queues of all",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
			return e.Method != nil && strings.HasPrefix(e.Name(), "queue.")
		}})...),
		Read: "02-exchanges/README.md#direct",
	})
	s.lab.Check(!s.ch.IsClosed(), lab.Claim{
		Saw:  "Declare and Place returned, and their caller's channel is closed",
		Want: "who opens a channel closes it: the caller",
	})
}

func TestExchangeIsDirectAndDurable(t *testing.T) {
	s := newStage(t)

	s.mustDeclare(shelves, direct.Standard)

	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "exchange.declare"}) {
		d := e.Method.(*wire.ExchangeDeclare)
		s.lab.Check(d.Passive || d.Exchange != direct.Exchange || d.Type == "direct" && d.Durable && !d.AutoDelete, lab.Claim{
			Saw: fmt.Sprintf("exchange %s was declared with type=%s, durable=%t, auto-delete=%t",
				d.Exchange, d.Type, d.Durable, d.AutoDelete),
			Want: "type=direct, durable=true, auto-delete=false",
			Why:  "all who declare it must use the same words: whoever comes second with other ones is refused with 406",
			Wire: s.lab.Wire(e),
			Read: "02-exchanges/README.md#conflict",
		})
	}
}

func TestQueueIsDurable(t *testing.T) {
	s := newStage(t)

	s.mustDeclare(shelves, direct.Standard)

	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "queue.declare"}) {
		d := e.Method.(*wire.QueueDeclare)
		s.lab.Check(d.Passive || d.Durable && !d.Exclusive && !d.AutoDelete, lab.Claim{
			Saw: fmt.Sprintf("queue %s was declared with durable=%t, exclusive=%t, auto-delete=%t",
				d.Queue, d.Durable, d.Exclusive, d.AutoDelete),
			Want: "durable=true, exclusive=false, auto-delete=false",
			Why:  "orders wait here: a restart of the broker deletes a queue that is not durable, and all orders in it",
			Wire: s.lab.Wire(e),
			Read: "02-exchanges/README.md#direct",
		})
	}
}

func TestNoOrderOvertakesInItsQueue(t *testing.T) {
	s := newStage(t)

	err := s.declare(ledger, direct.Standard, direct.Priority)

	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "queue.declare"}) {
		_, priorities := e.Method.(*wire.QueueDeclare).Arguments.Get("x-max-priority")
		s.lab.Check(!priorities, lab.Claim{
			Saw:  "the queue was declared with x-max-priority: in it, urgent orders overtake the others",
			Want: "a queue without priorities: what is urgent has a queue of its own",
			Why: "it overtakes only what still waits in the queue, and not what was sent to a picker; while there is something " +
				"urgent nothing else is picked; and quorum queues refuse the argument",
			Wire: s.lab.Wire(e),
			Read: "02-exchanges/README.md#direct",
		})
	}
	s.lab.NoError(err, lab.Claim{Want: "Declare returns nil: nothing stands in its way"})
	s.mustPlace(direct.Standard, "order-1")
	s.mustPlace(direct.Priority, "order-2")
	s.mustPlace(direct.Standard, "order-3")
	got := s.drain(ledger, "order-3")
	s.lab.Check(slices.Equal(got, []string{"order-1", "order-2", "order-3"}), lab.Claim{
		Saw:  fmt.Sprintf("three orders were placed in a row, and %s, which takes both kinds, has %v", ledger, got),
		Want: "the order in which they were placed",
		Read: "02-exchanges/README.md#direct",
	})
}
