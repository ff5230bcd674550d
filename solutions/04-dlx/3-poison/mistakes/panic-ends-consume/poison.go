// A panic is recovered, and Consume returns it as an error: something is badly wrong here, so the caller shall connect again.
// In production the process, or its channel, begins anew with each attempt, and each time that counts for all ten that were
// sent ahead. One bad order takes nine good ones with it, which nobody ever tried.
//
// want TestGoodNeighboursAreHandled: "Consume ended 3 times, and parked are [order-1 order-2"

package poison

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, and queue+".parked", where RabbitMQ puts what has used up its attempts.
func Declare(ch *amqp.Channel, queue string, attempts int) error {
	if attempts < 1 {
		return fmt.Errorf("poison: attempts is %d", attempts)
	}
	keep := amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": math.MaxInt32}
	if _, err := ch.QueueDeclare(queue+".parked", true, false, false, false, keep); err != nil {
		return fmt.Errorf("poison: parked queue: %w", err)
	}
	work := amqp.Table{
		"x-queue-type":              "quorum",
		"x-delivery-limit":          attempts - 1,
		"x-dead-letter-exchange":    "",
		"x-dead-letter-routing-key": queue + ".parked",
		"x-dead-letter-strategy":    "at-least-once",
		"x-overflow":                "reject-publish",
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, work); err != nil {
		return fmt.Errorf("poison: queue: %w", err)
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
		return fmt.Errorf("limit %q: %w", queue, err)
	}
	tag := rand.Text()
	deliveries, err := ch.Consume(queue, tag, false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	stop := context.AfterFunc(ctx, func() { ch.Cancel(tag, false) })
	defer stop()
	var rest []amqp.Delivery
	for d := range deliveries {
		if ctx.Err() != nil {
			rest = append(rest, d)
			continue
		}
		failed, panicked := call(context.WithoutCancel(ctx), handle, d)
		switch {
		case panicked != nil:
			return fmt.Errorf("handle a message of %q: panic: %v", queue, panicked)
		case failed != nil:
			err = d.Reject(true)
		default:
			err = d.Ack(false)
		}
		if err != nil {
			return fmt.Errorf("answer a message of %q: %w", queue, err)
		}
	}
	if ctx.Err() == nil {
		return fmt.Errorf("consume %q: lost", queue)
	}
	for _, d := range rest {
		if err := d.Nack(false, true); err != nil {
			return fmt.Errorf("give back a message of %q: %w", queue, err)
		}
	}
	return nil
}

// call returns what handle returned, and what it panicked with.
func call(ctx context.Context, handle func(context.Context, amqp.Delivery, int) error, d amqp.Delivery) (failed error, panicked any) {
	defer func() { panicked = recover() }()
	count, _ := d.Headers["x-delivery-count"].(int64)
	if !d.Redelivered {
		count = 0 // published, not counted
	}
	return handle(ctx, d, int(count)+1), nil
}
