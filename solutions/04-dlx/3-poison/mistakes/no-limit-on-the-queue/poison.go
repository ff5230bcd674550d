// The consumer is to count, so the queue needs no limit: x-delivery-count tells how often a message was here, whatever the
// queue does. And then nobody looked at it.
// In production, on RabbitMQ 3, an order that fails comes back for ever, thousands of times a second. On RabbitMQ 4 it comes 21
// times, whatever the configuration says.
//
// want TestPoisonIsParkedAfterItsAttempts: "and order-7 came a 2nd time"

package poison

import (
	"context"
	"errors"
	"fmt"
	"math"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, and queue+".parked", where RabbitMQ puts what has used up its attempts.
func Declare(ch *amqp.Channel, queue string, attempts int) error {
	if attempts <= 0 {
		return errors.New("a message needs an attempt")
	}
	parked, err := ch.QueueDeclare(queue+".parked", true, false, false, false, amqp.Table{
		amqp.QueueTypeArg:  amqp.QueueTypeQuorum,
		"x-delivery-limit": math.MaxInt32,
	})
	if err != nil {
		return err
	}
	_, err = ch.QueueDeclare(queue, true, false, false, false, amqp.Table{
		amqp.QueueTypeArg:           amqp.QueueTypeQuorum,
		"x-dead-letter-exchange":    "",
		"x-dead-letter-routing-key": parked.Name,
		"x-dead-letter-strategy":    "at-least-once",
		amqp.QueueOverflowArg:       amqp.QueueOverflowRejectPublish,
	})
	return err
}

// Consume hands the messages of queue to handle, one after another, until ctx ends.
func Consume(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(ctx context.Context, d amqp.Delivery, attempt int) error) error {
	if ctx.Err() != nil {
		return nil
	}
	if err := ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("prefetch: %w", err)
	}
	const consumer = "poison"
	deliveries, err := ch.Consume(queue, consumer, false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume: %w", err)
	}
	returned := make(chan struct{})
	defer close(returned)
	go func() {
		select {
		case <-ctx.Done():
			ch.Cancel(consumer, false)
		case <-returned:
		}
	}()

	var back []amqp.Delivery
	for d := range deliveries {
		if ctx.Err() != nil {
			back = append(back, d)
			continue
		}
		if err := settle(d, run(context.WithoutCancel(ctx), handle, d)); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
	}
	if ctx.Err() == nil {
		return errors.New("the deliveries have ended")
	}
	for _, d := range back {
		if err := d.Nack(false, true); err != nil {
			return fmt.Errorf("give back: %w", err)
		}
	}
	return nil
}

func settle(d amqp.Delivery, failure error) error {
	if failure != nil {
		return d.Reject(true)
	}
	return d.Ack(false)
}

func run(ctx context.Context, handle func(context.Context, amqp.Delivery, int) error, d amqp.Delivery) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	attempt := 1
	if n, ok := d.Headers["x-delivery-count"].(int64); ok && d.Redelivered {
		attempt += int(n)
	}
	return handle(ctx, d, attempt)
}
