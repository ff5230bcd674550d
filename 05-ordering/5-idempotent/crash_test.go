package idempotent_test

import (
	"context"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/lab"
	"warren.example/workshop/lab/sqltap"
	"warren.example/workshop/tap"
)

// send puts an order into a queue.
func (s *stage) send(queue, order string) {
	m := s.message(order)
	s.lab.Put("", queue, amqp.Publishing{MessageId: m.ID, Timestamp: m.Sent, DeliveryMode: amqp.Persistent, Body: m.Body})
}

// consume starts the inventory: as a program that has just been started.
func (s *stage) consume(queue string, db *sqltap.Program) *lab.Call {
	conn := s.lab.Dial()
	return s.lab.Go("the consumer", func(ctx context.Context) error { return consume(ctx, conn, queue, db.DB, reserve) })
}

// untilAcked waits until so many messages are acked, or the consumer has ended.
func (s *stage) untilAcked(consumer *lab.Call, since, acks int) {
	s.lab.Soon(func() bool { return s.acked(since) >= acks || !consumer.Running() })
}

// acked returns how many acks were sent, after the event since.
func (s *stage) acked(since int) int {
	later := func(e tap.Event) bool { return e.Seq > since }
	return s.lab.Tap.Recording().Count(tap.Filter{From: tap.Client, Method: "basic.ack", Where: later})
}

// finish starts the inventory again, after whatever has happened to it. It sends the order once more, and another one, and claims
// that each is reserved once in the end. died is what the first program did.
func (s *stage) finish(queue, order, before, died string) {
	s.lab.Await("RabbitMQ to notice", func() bool { return s.lab.Consumers(queue) == 0 })
	left := s.lab.Depth(queue)
	since := s.lab.Note("the program is started again").Seq
	next := "the one after " + order
	s.send(queue, order)
	s.send(queue, next)
	db := s.tap.Open()
	wire := func() string { return died + " — started again " + steps(db) }
	consumer := s.consume(queue, db)
	s.untilAcked(consumer, since, left+2)
	consumer.Stop()
	before += ". It was started again"
	err := consumer.WaitOr(lab.Claim{Saw: before + ", and Apply does not return", Want: "it returns", Wire: wire(), Read: read})
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("%s, and its consumer returned: %v", before, err),
		Want: "it goes on where the first one died",
		Why:  "the service does not come up again, and the queue grows",
		Wire: wire(),
		Read: read,
	})
	before += ", and took what was left in the queue"
	s.stored(order, 1, lab.Claim{Saw: before + ", and one more copy", Wire: wire()})
	s.stored(next, 1, lab.Claim{Saw: before + "; then another order came", Wire: wire()})
	s.lab.Await("RabbitMQ to notice", func() bool { return s.lab.Consumers(queue) == 0 })
	left = s.lab.Depth(queue)
	s.lab.Check(s.taken() == 2 && left == 0, lab.Claim{
		Saw: fmt.Sprintf("%s; then another order came. Teapots that are gone from stock: %d; messages left in the queue: %d",
			before, s.taken(), left),
		Want: "two teapots, and no message: what was done, now or before, is acked",
		Wire: wire(),
		Read: read,
	})
}

// The program dies between any two steps of its database, its connection to RabbitMQ with it.
func TestCrashAtEveryStepDoesItOnce(t *testing.T) {
	for _, when := range []sqltap.When{sqltap.Before, sqltap.After} {
		t.Run(when.String()+" a step", func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			for n, crashed := 1, true; crashed; n++ {
				s := stageOn(t, l)
				queue := fmt.Sprintf("inventory.commands-%d", n)
				l.Declare(queue, nil)
				s.send(queue, "order-7")
				since := l.Note("step %d", n).Seq
				s.db.CrashAt(n, when)
				s.db.OnCrash(l.Tap.CutAll)

				consumer := s.consume(queue, s.db)
				s.untilAcked(consumer, since, 1)
				consumer.Stop()
				before := fmt.Sprintf("the program %s", s.db)
				if crashed = s.db.Crashed(); !crashed {
					before = "the program was stopped"
				}
				err := consumer.WaitOr(lab.Claim{
					Saw: before + ", and Apply does not return", Want: "it returns", Wire: steps(s.db), Read: read,
				})
				l.Finished(err)
				s.finish(queue, "order-7", before, steps(s.db))
			}
		})
	}
}

// The connection to RabbitMQ is cut at each method; the database lives. The sender has sent the order twice.
func TestCutAtEveryMethodDoesItOnce(t *testing.T) {
	for _, from := range []tap.Side{tap.Client, tap.Broker} {
		for _, when := range []tap.When{tap.Before, tap.After} {
			t.Run(fmt.Sprintf("%s a unit from %s", when, from), func(t *testing.T) {
				t.Parallel()
				l := lab.New(t)
				for step := range l.Sweep(tap.Filter{From: from}, when) {
					s := stageOn(t, l)
					queue := step.Name("inventory.commands")
					l.Declare(queue, nil)
					s.send(queue, "order-7")
					s.send(queue, "order-7")
					since := l.Note("step").Seq
					conn := l.Dial()

					step.Begin()
					consumer := l.Go("the consumer", func(ctx context.Context) error {
						return consume(ctx, conn, queue, s.db.DB, reserve)
					})
					s.untilAcked(consumer, since, 2)
					consumer.Stop()
					l.Finished(consumer.Wait())
					step.End()

					s.finish(queue, "order-7", "two copies of order-7 were sent; "+step.String(), step.Wire())
				}
			})
		}
	}
}
