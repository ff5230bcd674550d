// ctx ends: what is not done goes back with basic.nack, and that is also said of an order whose handle has tried it, and
// failed. Since 4.3 that doesn't count.
// In production, after the update to 4.3, an order makes its handle wait for a minute and fail, and each time an impatient
// supervisor has stopped the program by then. It is tried for ever, and never parked.
//
// want TestStopGivesBackWhatWasNotTried: "the handle of order-1 returns an error, and the answer was nack"

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
		return err
	}
	tag := rand.Text()
	deliveries, err := ch.Consume(queue, tag, false, false, false, false, nil)
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return leave(ch, tag, deliveries)
		case d, ok := <-deliveries:
			if !ok {
				return fmt.Errorf("%q: deliveries ended", queue)
			}
			if ctx.Err() != nil {
				return leave(ch, tag, deliveries, d)
			}
			result := make(chan error, 1)
			go func() { result <- call(context.WithoutCancel(ctx), handle, d) }()
			cancelled := false
			select {
			case err = <-result:
			case <-ctx.Done():
				cancelled = true
				if err := ch.Cancel(tag, false); err != nil {
					return err
				}
				err = <-result
			}
			switch {
			case err == nil:
				err = d.Ack(false)
			case cancelled:
				err = d.Nack(false, true)
			default:
				err = d.Reject(true)
			}
			if err != nil {
				return err
			}
			if cancelled {
				return giveBack(deliveries)
			}
		}
	}
}

// leave ends the consumer, and gives back what it has got.
func leave(ch *amqp.Channel, tag string, deliveries <-chan amqp.Delivery, more ...amqp.Delivery) error {
	if err := ch.Cancel(tag, false); err != nil {
		return err
	}
	for _, d := range more {
		if err := d.Nack(false, true); err != nil {
			return err
		}
	}
	return giveBack(deliveries)
}

func giveBack(deliveries <-chan amqp.Delivery) error {
	for d := range deliveries {
		if err := d.Nack(false, true); err != nil {
			return err
		}
	}
	return nil
}

func call(ctx context.Context, handle func(context.Context, amqp.Delivery, int) error, d amqp.Delivery) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in handle: %v", r)
		}
	}()
	count, _ := d.Headers["x-delivery-count"].(int64)
	if !d.Redelivered {
		count = 0 // published, not counted
	}
	return handle(ctx, d, 1+int(count))
}
