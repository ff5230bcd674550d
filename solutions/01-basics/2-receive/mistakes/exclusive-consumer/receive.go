// Four booleans in a row, and the wrong one is true as well: exclusive.
// In production the second process, started to help or to take over, is refused: 403 ACCESS_REFUSED, queue in
// exclusive use. And the process that was restarted is refused too, until RabbitMQ has noticed that the old one is
// dead.
//
// want TestOneMessageAtATime: "in exclusive use"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive wants the queue for itself.
func Receive(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(context.Context, amqp.Delivery) error) error {
	if err := ch.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	deliveries, err := ch.Consume(queue, "", false, true, false, false, nil)
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
