// The consumer declares the queue, "so that it is there".
// In production a typing error in a configuration makes a new queue: nobody publishes to it, nobody sees an error, and
// the receiver waits. And whoever starts first decides what the queue is like.
//
// want TestMissingQueueIsAnError: "Receive made one"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive makes the queue that it is told to consume.
func Receive(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(context.Context, amqp.Delivery) error) error {
	if err := ch.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
			}
			if ctx.Err() != nil { // both cases were ready, and select took this one
				return nil
			}
			// What has begun is finished, even if ctx ends meanwhile.
			if handle(context.WithoutCancel(ctx), d) == nil {
				err = d.Ack(false)
			} else {
				err = d.Nack(false, true)
			}
			if err != nil {
				return fmt.Errorf("answer a message of %q: %w", queue, err)
			}
		}
	}
}
