// The message is acknowledged first, "so that it doesn't come twice".
// In production the process dies while it handles an order: RabbitMQ was told to forget it, and the paid order is
// never packed. If the handler fails, there is nothing left that could go back.
//
// want TestCrashLosesNothing: "order-7 was acked before its handler returned"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive acknowledges, then handles.
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
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack a message of %q: %w", queue, err)
			}
			if err := handle(context.WithoutCancel(ctx), d); err != nil {
				return fmt.Errorf("handle a message of %q: %w", queue, err)
			}
		}
	}
}
