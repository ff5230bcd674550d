// First the queue that everybody knows, then the one for the dead.
// In production the service dies in between, at its first start. Another one uses the queue that is there, and what dies in it
// is nowhere: it waits inside of the queue until Declare has come through some day.
//
// want TestBrokenOffDeclareLosesNothing: "order-7 died in it, and it did not arrive in"

package poison

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, and queue+".parked", where RabbitMQ puts what has used up its attempts.
func Declare(ch *amqp.Channel, queue string, attempts int) error {
	if attempts < 1 {
		return errors.New("attempts must be positive")
	}
	quorum := func(name string, limit int, more amqp.Table) error {
		args := amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": limit}
		for key, value := range more {
			args[key] = value
		}
		_, err := ch.QueueDeclare(name, true, false, false, false, args)
		return err
	}
	parked := queue + ".parked"
	err := quorum(queue, attempts-1, amqp.Table{
		"x-dead-letter-exchange": "", "x-dead-letter-routing-key": parked,
		"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
	})
	if err != nil {
		return fmt.Errorf("declare %q: %w", queue, err)
	}
	if err := quorum(parked, 1<<30, nil); err != nil {
		return fmt.Errorf("declare %q: %w", parked, err)
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
			if err != nil {
				err = d.Reject(true)
			} else {
				err = d.Ack(false)
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
