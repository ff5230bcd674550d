package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/broker"
	"warren.example/workshop/lab"
)

func TestUnconfirmedComeFirst(t *testing.T) {
	s := newScene(t, 10)
	orders := s.unconfirmed(numbered(1, 3)...)
	s.lose()
	s.lab.Await("a call of Pause", func() bool { return len(s.rest.calls()) > 0 })
	next, call := s.publishing("", queue, s.message("order-4"))
	s.awhile()
	before := len(s.published(""))

	s.back()
	for _, body := range numbered(1, 3) {
		s.awaitPublished(body, 2, "the connection was cut before its confirm")
	}
	s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: there is a connection again", Read: read})
	s.confirmed("there is a connection again", append(orders, *next)...)
	s.close()

	var again []string
	for _, e := range s.published("")[before:] {
		again = append(again, string(e.Body))
	}
	s.lab.Check(slices.Equal(firsts(again), numbered(1, 4)), lab.Claim{
		Saw: fmt.Sprintf("order-1 order-2 order-3 had no answer when the connection was lost, order-4 came later; "+
			"after that were sent: %s", list(again)),
		Want: "what has no answer first, in its old order, then what is new",
		Why:  "the cancellation arrives before the order that it cancels",
		Wire: s.wire(""),
		Read: read,
	})
}

func TestConfirmedAreNotSentAgain(t *testing.T) {
	s := newScene(t, 10)
	s.confirmed("nothing was disturbed", s.publish("order-1", "order-2")...)
	third := s.unconfirmed("order-3")[0]

	s.lose()
	s.back()

	s.awaitPublished("order-3", 2, "the connection was cut before its confirm")
	s.confirmed("it was sent again", third)
	s.close()
	for _, body := range []string{"order-1", "order-2"} {
		n := len(s.published(body))
		s.lab.Check(n == 1, lab.Claim{
			Saw:  fmt.Sprintf("%s was confirmed, then the connection was cut; it was published %s", body, times(n)),
			Want: "what is confirmed is not sent again",
			Why:  "after each outage the broker gets all orders since the start once more",
			Wire: s.wire(body),
			Read: read,
		})
	}
}

func TestWindowIsFreeInTheNextSession(t *testing.T) {
	s := newScene(t, 2)
	orders := s.unconfirmed("order-1", "order-2")
	s.lose()
	s.back()
	s.confirmed("a window of 2 was full when the connection was lost", orders...)

	for round := range 3 { // what is lost adds up
		more := s.unconfirmed(fmt.Sprintf("order-%d", 2*round+3), fmt.Sprintf("order-%d", 2*round+4))
		s.lose()
		s.back()
		s.confirmed("a window of 2 was full when the connection was lost", more...)
	}
	s.close()
}

func TestLostIsNotRefused(t *testing.T) {
	s := newScene(t, 4)
	o := s.unconfirmed("order-1")[0]
	wait := s.lab.Go("Wait", o.Wait)

	s.lose()
	s.awhile()

	s.lab.Check(wait.Running(), lab.Claim{
		Saw:  "the connection was cut before the answer to order-1, and Wait returned",
		Want: "Wait waits: the message is sent again, nobody has said no to it",
		Why:  "the outbox is told that the broker refuses the order, and the customer is called; RabbitMQ has it already",
		Wire: s.wire("order-1"),
		Read: read,
	})
	s.back()
	s.confirmed("there is a connection again", o)
	s.close()
}

func TestClosedChannelIsALostSession(t *testing.T) {
	s := newScene(t, 4)
	o := s.unconfirmed("order-1")[0]
	conn := s.lab.Connections()[0]

	if err := s.lab.Tap.CloseChannel(conn.ID, conn.Channels[0], amqp.InternalError, "a queue has no leader"); err != nil {
		s.lab.Failf("close the channel: %v", err)
	}

	s.awaitPublished("order-1", 2, "RabbitMQ closed the channel (541) before its confirm")
	s.confirmed("there is a channel again", o)
	s.lab.Check(s.lab.Soon(func() bool { return len(s.lab.Connections()) == 1 }), lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ closed the channel; %d connections are open now", len(s.lab.Connections())),
		Want: "one: the lost session is closed",
		Why:  "each loss leaves a connection, until the broker takes no more",
		Read: read,
	})
	s.close()
}

func TestKilledBrokerGetsTheRestLater(t *testing.T) {
	t.Parallel()
	l := lab.Config{Kind: broker.Own}.New(t)
	s := sceneOf(t, l, 10)
	// A kill may take a queue along that was declared just before (RabbitMQ up to 4.2). An end in good order writes it down.
	if err := errors.Join(l.Nodes[0].Stop(t.Context()), l.Nodes[0].Start(t.Context())); err != nil {
		l.Failf("restart the broker: %v", err)
	}
	s.pub.Pause = nil // in its own time
	s.confirmed("nothing was disturbed", s.publish(numbered(1, 3)...)...)

	if err := l.Nodes[0].Kill(t.Context()); err != nil {
		s.lab.Failf("kill the broker: %v", err)
	}
	rest := make(chan []order, 1)
	call := l.Go("Publish", func(ctx context.Context) error {
		var orders []order
		defer func() { rest <- orders }()
		for _, body := range numbered(4, 6) {
			m, err := s.pub.Publish(ctx, "", queue, s.message(body))
			if err != nil {
				return err
			}
			orders = append(orders, order{body, m})
		}
		return nil
	})
	if err := l.Nodes[0].Start(t.Context()); err != nil {
		s.lab.Failf("start the broker again: %v", err)
	}
	s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: the broker is back", Read: read})
	s.confirmed("the broker was killed, and is back", <-rest...)
	s.close()

	got := s.bodies(queue)
	s.lab.Check(slices.Equal(firsts(got), numbered(1, 6)), lab.Claim{
		Saw:  fmt.Sprintf("the broker was killed after order-3 and started again; in the queue: %s", list(got)),
		Want: "order-1 to order-6, in this order",
		Why:  "an order is lost, and nobody is told",
		Read: read,
	})
}
