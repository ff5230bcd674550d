// The limit of the queue is taken for the number of deliveries. It says how often a message may come back: one less.
// In production each bad order is tried once more than the configuration says, and a handle that does something else at its
// last attempt has done it one too early.
//
// want TestPoisonIsParkedAfterItsAttempts: "and order-7 came a 2nd time"

package poison

import (
	"context"
	"crypto/rand"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, and queue+".parked", where RabbitMQ puts what has used up its attempts.
func Declare(ch *amqp.Channel, queue string, attempts int) error {
	if attempts < 1 {
		return fmt.Errorf("%d attempts: one at least", attempts)
	}
	for _, q := range []struct {
		name string
		args amqp.Table
	}{
		{queue + ".parked", amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}},
		{queue, amqp.Table{
			"x-queue-type":              "quorum",
			"x-delivery-limit":          attempts,
			"x-dead-letter-exchange":    "",
			"x-dead-letter-routing-key": queue + ".parked",
			"x-dead-letter-strategy":    "at-least-once",
			"x-overflow":                "reject-publish",
		}},
	} {
		if _, err := ch.QueueDeclare(q.name, true, false, false, false, q.args); err != nil {
			return fmt.Errorf("declare %q: %w", q.name, err)
		}
	}
	return nil
}

// Consume hands the messages of queue to handle, one after another, until ctx ends.
func Consume(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(ctx context.Context, d amqp.Delivery, attempt int) error) error {
	if ctx.Err() != nil {
		return nil
	}
	if err := ch.Qos(10, 0, false); err != nil {
		return err
	}
	tag := rand.Text()
	deliveries, err := ch.Consume(queue, tag, false, false, false, false, nil)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ch.Cancel(tag, false) })()

	var last amqp.Delivery // of those that nobody tries any more
	for d := range deliveries {
		switch {
		case ctx.Err() != nil:
			last = d
		case safely(func() error { return handle(context.WithoutCancel(ctx), d, attempt(d)) }) == nil:
			err = d.Ack(false)
		default:
			err = d.Reject(true)
		}
		if err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	if ctx.Err() == nil || ch.IsClosed() {
		return fmt.Errorf("consume %q: lost", queue)
	}
	if last.DeliveryTag == 0 {
		return nil
	}
	return last.Nack(true, true) // this one and all before it that have no answer
}

func attempt(d amqp.Delivery) int {
	before, _ := d.Headers["x-delivery-count"].(int64)
	if !d.Redelivered {
		before = 0 // published, not counted
	}
	return int(before) + 1
}

func safely(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}
