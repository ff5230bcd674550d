// ctx ends: the consumer is cancelled, and Consume returns. What was sent ahead goes back when the channel closes, and that is
// the caller's.
// In production the caller goes on with the same channel, and up to nine orders stay with it, out of everybody's reach. When it
// closes the channel at last, that is an attempt of each, on every RabbitMQ.
//
// want TestStopGivesBackWhatWasNotTried: "Consume has returned; of the ten orders 0 are in the queue"

package poison

import (
	"context"
	"crypto/rand"
	"errors"
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
		return err
	}
	tag := rand.Text()
	deliveries, err := ch.Consume(queue, tag, false, false, false, false, nil)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { ch.Cancel(tag, false) })
	defer stop()

	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case d, ok := <-deliveries:
			if !ok && ctx.Err() == nil {
				return errors.New("no more deliveries")
			}
			if !ok || ctx.Err() != nil {
				continue
			}
			if err := attempt(context.WithoutCancel(ctx), d, handle); err != nil {
				return err
			}
		}
	}
	return nil
}

// attempt tries d, and answers it.
func attempt(ctx context.Context, d amqp.Delivery, handle func(context.Context, amqp.Delivery, int) error) error {
	var failed error
	func() {
		defer func() {
			if r := recover(); r != nil {
				failed = fmt.Errorf("panic: %v", r)
			}
		}()
		back, _ := d.Headers["x-delivery-count"].(int64)
		if !d.Redelivered {
			back = 0 // published, not counted
		}
		failed = handle(ctx, d, int(back)+1)
	}()
	if failed != nil {
		return d.Reject(true)
	}
	return d.Ack(false)
}
