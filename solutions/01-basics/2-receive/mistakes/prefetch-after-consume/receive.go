// The limit is set after the consumer was started, and it counts for consumers that start later.
// In production it looks right in review and limits nothing: 50 of 50 waiting messages are pushed at once.
//
// want TestOneMessageAtATime: "2 were sent to this receiver"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive sets its limit too late.
func Receive(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(context.Context, amqp.Delivery) error) error {
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	if err := ch.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
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
