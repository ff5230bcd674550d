// A failed message goes back, and the whole receiver ends with it.
// In production one order that cannot be handled stops all others: the process ends, is started again, gets the same
// order first, and ends again.
//
// want TestFailedMessageComesBack: "Receive ended with it"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive gives up with the first message that fails.
func Receive(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(context.Context, amqp.Delivery) error) error {
	if err := ch.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
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
			if err := handle(context.WithoutCancel(ctx), d); err != nil {
				d.Nack(false, true)
				return fmt.Errorf("handle a message of %q: %w", queue, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack a message of %q: %w", queue, err)
			}
		}
	}
}
