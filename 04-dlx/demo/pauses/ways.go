package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/demo/stage"
)

const (
	orders = "demo.pauses"
	wait   = "demo.pauses.wait" // and what the way appends

	last = "the last" // comes after all pauses: what is not done by then is lost
)

// A way to try again. declare makes the queues in which orders wait, if any. fail is told of an order that failed, and leaves
// it to be delivered again; it returns true if the order is done after all.
type way struct {
	id      string // for -way
	name    string
	early   bool // orders come back before their pause is over
	declare func(s *stage.Stage, pauses map[string]time.Duration) error
	fail    func(ctx context.Context, s *stage.Stage, d amqp.Delivery, pause time.Duration) (done bool, err error)
}

var ways = []way{
	{id: "requeue", name: "requeue at once", early: true, fail: requeue},
	{id: "sleep", name: "sleep in the handler", fail: sleep},
	{id: "ttl", name: "one queue, own TTL each", declare: declareOne, fail: func(ctx context.Context, s *stage.Stage, d amqp.Delivery, pause time.Duration) (bool, error) {
		order := stage.Order(d.MessageId)
		order.Expiration = strconv.FormatInt(pause.Milliseconds(), 10)
		return false, copyTo(ctx, s, d, wait, order)
	}},
	{id: "steps", name: "a queue per step", declare: declareSteps, fail: func(ctx context.Context, s *stage.Stage, d amqp.Delivery, pause time.Duration) (bool, error) {
		return false, copyTo(ctx, s, d, step(pause), stage.Order(d.MessageId))
	}},
}

// requeue gives the order back. Reject counts towards the delivery limit; Nack doesn't any more since RabbitMQ 4.3.
func requeue(_ context.Context, _ *stage.Stage, d amqp.Delivery, _ time.Duration) (bool, error) {
	return false, d.Reject(true)
}

func sleep(ctx context.Context, _ *stage.Stage, d amqp.Delivery, pause time.Duration) (bool, error) {
	select {
	case <-time.After(pause):
		return true, d.Ack(false)
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// back is how a queue is declared from which expired orders go back to their queue: through the default exchange.
func back(args amqp.Table) amqp.Table {
	args["x-dead-letter-exchange"] = ""
	args["x-dead-letter-routing-key"] = orders
	return args
}

func declareOne(s *stage.Stage, _ map[string]time.Duration) error {
	return s.Declare(wait, back(amqp.Table{}))
}

func declareSteps(s *stage.Stage, pauses map[string]time.Duration) error {
	for _, pause := range pauses {
		if err := s.Declare(step(pause), back(amqp.Table{"x-message-ttl": pause.Milliseconds()})); err != nil {
			return err
		}
	}
	return nil
}

func step(pause time.Duration) string { return fmt.Sprintf("%s.%v", wait, pause) }

// copyTo puts a copy into a queue, and when it is stored acks the original. A crash between the two doubles the order.
func copyTo(ctx context.Context, s *stage.Stage, d amqp.Delivery, queue string, order amqp.Publishing) error {
	if err := s.Put(ctx, queue, order); err != nil {
		return err
	}
	return d.Ack(false)
}

// try publishes the orders and handles what comes, one after another, until all are done or can't come any more.
func (w way) try(ctx context.Context, s *stage.Stage, pauses map[string]time.Duration) (result, error) {
	r := result{done: map[string]time.Duration{}}
	if err := s.Declare(orders, nil); err != nil {
		return r, err
	}
	if w.declare != nil {
		if err := w.declare(s, pauses); err != nil {
			return r, err
		}
	}
	for _, order := range []string{"order-7", "order-8", "order-9"} {
		if err := s.Put(ctx, orders, stage.Order(order)); err != nil {
			return r, err
		}
	}
	deliveries, err := s.Consume(orders)
	if err != nil {
		return r, err
	}
	began, end := time.Now(), time.After(2*pauses["order-7"]) // by then the sleeper is done with both
	failed := map[string]time.Time{}                          // when each was tried first
	for len(r.done) < 3 {
		select {
		case <-end:
			if err := s.Put(ctx, orders, stage.Order(last)); err != nil {
				return r, err
			}
		case d, ok := <-deliveries:
			if !ok {
				return r, errors.New("the channel was closed")
			}
			if d.MessageId == last {
				return r, d.Ack(false)
			}
			r.deliveries++
			done, err := w.handle(ctx, s, d, pauses[d.MessageId], failed)
			if err != nil {
				return r, err
			}
			if done {
				r.done[d.MessageId] = time.Since(began)
			}
		case <-ctx.Done():
			return r, context.Cause(ctx)
		}
	}
	return r, nil
}

// handle handles a delivery. An order with a pause fails when it comes first, and until its pause is over.
func (w way) handle(ctx context.Context, s *stage.Stage, d amqp.Delivery, pause time.Duration, failed map[string]time.Time) (done bool, err error) {
	first, again := failed[d.MessageId]
	if pause == 0 || again && (!w.early || time.Since(first) >= pause) {
		return true, d.Ack(false)
	}
	if !again {
		failed[d.MessageId] = time.Now()
	}
	return w.fail(ctx, s, d, pause)
}
