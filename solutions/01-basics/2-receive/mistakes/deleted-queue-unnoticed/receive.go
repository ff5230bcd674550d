// Only the channel is watched. A queue that is deleted takes the consumer with it, and the channel stays open.
// In production somebody deletes and makes the queue again. RabbitMQ says basic.cancel, the deliveries end, the
// connection is fine: this loop waits for ever, and the new queue has no consumer.
//
// want TestDeletedQueueIsAnError: "the queue was deleted, and Receive goes on waiting"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive watches its channel, and nothing else.
func Receive(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(context.Context, amqp.Delivery) error) error {
	if err := ch.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-closed:
			return fmt.Errorf("consume %q: channel closed: %w", queue, err)
		case d, ok := <-deliveries:
			if !ok {
				deliveries = nil // the reason comes from closed
				continue
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
