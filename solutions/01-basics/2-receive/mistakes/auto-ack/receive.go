// autoAck is true: RabbitMQ forgets a message when it has written it to the socket.
// In production the process dies with messages in its hands and in its buffers, and all of them are gone. Measured: of
// 1,000 messages, 5 were handled when the process died, and 995 were lost.
//
// want TestCrashLosesNothing: "was consumed with autoAck"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive lets the library acknowledge.
func Receive(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(context.Context, amqp.Delivery) error) error {
	if err := ch.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	deliveries, err := ch.Consume(queue, "", true, false, false, false, nil)
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
			if err := handle(context.WithoutCancel(ctx), d); err != nil {
				return fmt.Errorf("handle a message of %q: %w", queue, err)
			}
		}
	}
}
