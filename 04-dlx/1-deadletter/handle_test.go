package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/1-deadletter"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestRefusedOrdersAreParked(t *testing.T) {
	s := newShop(t)
	s.lab.Publish(deadletter.Queue, bad)
	call, _ := s.handle()

	m := s.parked(call, "published to "+deadletter.Queue)

	s.lab.Check(string(m.Body) == bad, lab.Claim{
		Saw:  fmt.Sprintf("%q was refused, and %s has %q", bad, deadletter.Parked, m.Body),
		Want: "the order, as it was",
		Read: about,
	})
	s.stopped(call)
}

func TestOrdersOfAnyKeyAreParked(t *testing.T) {
	s := newShop(t)
	admin := s.lab.Channel()
	if err := admin.ExchangeDeclare("shop.commands", amqp.ExchangeDirect, true, false, false, false, nil); err != nil {
		s.lab.Failf("declare shop.commands: %v", err)
	}
	if err := admin.QueueBind(deadletter.Queue, "order.place.v1", "shop.commands", false, nil); err != nil {
		s.lab.Failf("bind %s: %v", deadletter.Queue, err)
	}
	s.lab.Put("shop.commands", "order.place.v1", amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(bad)})
	call, _ := s.handle()

	m := s.parked(call, "that came over shop.commands with the key order.place.v1")

	s.lab.Check(m.RoutingKey == deadletter.Parked, lab.Claim{
		Saw:  fmt.Sprintf("the dead order came to %s with the key %q", deadletter.Parked, m.RoutingKey),
		Want: fmt.Sprintf("%q: the queue says which key its dead get", deadletter.Parked),
		Why:  "whoever listens on shop.dead can't tell by the key whose dead it hears",
		Wire: s.declarations(),
		Read: about,
	})
	s.stopped(call)
}

func TestParkedOrdersSayWhereTheyDied(t *testing.T) {
	s := newShop(t)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	s.lab.Put("", deadletter.Queue, amqp.Publishing{
		Headers: amqp.Table{"traceparent": trace}, ContentType: "text/plain", DeliveryMode: amqp.Persistent,
		CorrelationId: "order-6", MessageId: "six", Type: "order.place", Body: []byte(bad),
	})
	call, _ := s.handle()

	m := s.parked(call, "with headers and properties")

	is := fmt.Sprintf("%v %s %d %s %s %s", m.Headers["traceparent"], m.ContentType, m.DeliveryMode, m.CorrelationId, m.MessageId, m.Type)
	was := fmt.Sprintf("%v text/plain 2 order-6 six order.place", trace)
	s.lab.Check(is == was, lab.Claim{
		Saw:  fmt.Sprintf("the order had %s; in %s it has %s", was, deadletter.Parked, is),
		Want: "headers and properties as they were",
		Why:  "somebody mends the order and sends it back: nobody knows its id, its type or its trace any more",
		Wire: s.story(),
		Read: about,
	})
	claim := lab.Claim{
		Saw:  fmt.Sprintf("the order has the headers %v", m.Headers),
		Want: "an x-death that says: rejected in " + deadletter.Queue + ", once",
		Why:  "what died is in " + deadletter.Parked + ", and nobody can tell of what, or where to send it back to",
		Wire: s.story(),
		Read: about,
	}
	deaths, _ := m.Headers["x-death"].([]any)
	s.lab.Check(len(deaths) == 1, claim)
	death, _ := deaths[0].(amqp.Table)
	s.lab.Check(death["queue"] == deadletter.Queue && death["reason"] == "rejected" && fmt.Sprint(death["count"]) == "1", claim)
	s.stopped(call)
}

func TestRefusedOrderStopsNobody(t *testing.T) {
	s := newShop(t)
	s.lab.Publish(deadletter.Queue, "order-5", bad, "order-7")
	call, ch := s.handle()

	s.lab.Soon(func() bool { return s.times("order-7") > 0 || s.times(bad) > 1 || !call.Running() })

	claim := lab.Claim{
		Want: "it is asked about one order after another, and once about each",
		Why:  "one customer orders 0 teapots, and no order of any customer is handled any more",
		Wire: s.story(),
		Read: about,
	}
	claim.Saw = "order-6 was refused; validate was not asked about order-7, behind it"
	if !call.Running() {
		claim.Saw += fmt.Sprintf("; Handle returned: %v", call.Wait())
	}
	s.lab.Check(s.times("order-7") > 0, claim)
	s.stopped(call)
	s.giveBack(ch)
	for _, order := range []string{"order-5", bad, "order-7"} {
		claim.Saw = fmt.Sprintf("validate was asked %d times about %s", s.times(order), order)
		s.lab.Check(s.times(order) == 1, claim)
	}
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(deadletter.Parked) == 1 }), lab.Claim{
		Saw: fmt.Sprintf("order-5 and order-7 were accepted, order-6 was refused, and %s has %d orders",
			deadletter.Parked, s.lab.Depth(deadletter.Parked)),
		Want: "one: order-6",
		Wire: s.story(),
		Read: about,
	})
	left := s.lab.Drain(deadletter.Queue)
	s.lab.Check(len(left) == 0, lab.Claim{
		Saw:  fmt.Sprintf("all orders were handled, Handle has ended, and %s has %d", deadletter.Queue, len(left)),
		Want: "none: what was accepted is acked",
		Why:  "the work is done, and is done again by whoever consumes next",
		Wire: s.story(),
		Read: about,
	})
}

func TestStopFinishesTheRunningOrder(t *testing.T) {
	t.Run("accepted", func(t *testing.T) { newShop(t).stopWhile("accepts", nil) })
	t.Run("refused", func(t *testing.T) { newShop(t).stopWhile("refuses", errors.New("nothing to pack"), "order-7") })
}

// stopWhile ends ctx while validate runs for order-7, which it answers with verdict. Order-5 came before, order-8 waits.
func (s *stage) stopWhile(does string, verdict error, dead ...string) {
	s.lab.Publish(deadletter.Queue, "order-5", "order-7", "order-8")
	begun, end, over := make(chan string, 10), make(chan bool), make(chan bool)
	s.cleanup(func() { close(over) })
	conn := s.lab.Dial()
	ch, err := conn.Channel()
	if err != nil {
		s.lab.Failf("open a channel: %v", err)
	}
	call := s.lab.Go("Handle", func(ctx context.Context) error {
		return deadletter.Handle(ctx, ch, func(d amqp.Delivery) error {
			begun <- string(d.Body)
			if string(d.Body) == "order-5" {
				return nil
			}
			s.lab.Note("validate runs for %s", d.Body)
			select {
			case <-end:
			case <-over:
			}
			return verdict
		})
	})
	s.lab.Soon(func() bool { return len(begun) > 1 || !call.Running() })
	s.lab.Check(len(begun) > 1, lab.Claim{
		Saw:  fmt.Sprintf("three orders wait, and validate was asked about %d", len(begun)),
		Want: "Handle takes the orders of " + deadletter.Queue + " one after another",
		Wire: s.story(), Read: about,
	})
	s.lab.Fence(conn) // what Handle has answered is in the recording
	s.lab.Check(len(s.answers()) == 1, lab.Claim{
		Saw:  fmt.Sprintf("order-5 was accepted, validate runs for order-7, and %d orders have an answer", len(s.answers())),
		Want: "one: each is answered after validate has returned, and before it is asked about the next one",
		Why:  "the process dies: what was done is done again, or what was not done is gone",
		Wire: s.story(), Read: about,
	})

	s.lab.Settle() // RabbitMQ may send order-8 ahead
	call.Stop()
	s.lab.Settle()
	running := call.Running()
	close(end)

	s.stopped(call)
	claim := lab.Claim{
		Want: "the running validate finishes and is answered, and nothing more is begun",
		Why:  "an order is done again that was done, or parked that nobody has looked at: at each deployment",
		Wire: s.story(),
		Read: about,
	}
	claim.Saw = "ctx ended while validate ran, and Handle returned before it was over"
	s.lab.Check(running, claim)
	claim.Saw = fmt.Sprintf("ctx ended while validate ran for order-7; then it was asked about %d more", len(begun)-2)
	s.lab.Check(len(begun) == 2, claim)
	s.giveBack(ch)
	s.lab.Soon(func() bool { return s.lab.Depth(deadletter.Queue)+s.lab.Depth(deadletter.Parked) == 1+len(dead) })
	for _, queue := range []string{deadletter.Parked, deadletter.Queue} {
		want := []string{"order-8"}
		if queue == deadletter.Parked {
			want = dead
		}
		var got []string
		for _, d := range s.lab.Drain(queue) {
			got = append(got, string(d.Body))
		}
		claim.Saw = fmt.Sprintf("ctx ended while validate ran for order-7, which it %s; then %s has %q", does, queue, got)
		claim.Want = fmt.Sprintf("%q: the running validate is answered for as ever, and nothing more is begun", want)
		s.lab.Check(slices.Equal(got, want), claim)
	}
}

// answers returns what Handle has said about orders.
func (s *stage) answers() []tap.Event {
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
		return slices.Contains([]string{"basic.ack", "basic.reject", "basic.nack"}, e.Name())
	}})
}

func TestLostChannelIsAnError(t *testing.T) {
	for what, lose := range map[string]func(*lab.Lab){
		"the connection was cut":               func(l *lab.Lab) { l.Tap.CutAll() },
		"somebody deleted " + deadletter.Queue: func(l *lab.Lab) { l.DeleteQueue(deadletter.Queue) },
	} {
		t.Run(what, func(t *testing.T) {
			s := newShop(t)
			call, _ := s.handle()
			s.lab.Await("a consumer", func() bool { return !call.Running() || s.lab.Consumers(deadletter.Queue) == 1 })

			lose(s.lab)

			s.ended(call, what)
		})
	}
	what := "there was never a queue " + deadletter.Queue
	t.Run(what, func(t *testing.T) {
		s := newStage(t)

		call, _ := s.handle()

		s.lab.Soon(func() bool { return !call.Running() || s.lab.Exists(deadletter.Queue) })
		s.lab.Check(!s.lab.Exists(deadletter.Queue), lab.Claim{
			Saw: what + ", and Handle makes one", Want: "an error: to declare is not Handle's", Wire: s.declarations(), Read: about,
		})
		s.ended(call, what)
	})
}

// ended claims that Handle returns an error. What says what has happened.
func (s *stage) ended(call *lab.Call, what string) {
	s.lab.Soon(func() bool { return !call.Running() || s.times("") > 0 })
	claim := lab.Claim{
		Want: "an error: ctx has not ended",
		Why:  "the process looks healthy and handles nothing until somebody restarts it",
		Wire: s.story(),
		Read: about,
	}
	claim.Saw = what + ", and validate was asked about an order that nobody sent"
	s.lab.Check(s.times("") == 0, claim)
	claim.Saw = what + ", and Handle goes on waiting"
	err := call.WaitOr(claim)
	claim.Saw = what + ", and Handle returned nil"
	s.lab.Error(err, claim)
}
