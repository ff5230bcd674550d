// A deferred ack runs on every path, also after the nack of a failed message.
// In production the first failure closes the channel: RabbitMQ doesn't know the tag any more and answers 406
// PRECONDITION_FAILED. Both answers returned nil, for they were only written. With prefetch above 1 the innocent
// neighbours go back too.
//
// want TestFailedMessageComesBack: "order-7 was answered 2 times"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive answers failed messages twice.
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
			err := func() error {
				defer d.Ack(false)
				if handle(context.WithoutCancel(ctx), d) != nil {
					return d.Nack(false, true)
				}
				return nil
			}()
			if err != nil {
				return fmt.Errorf("answer a message of %q: %w", queue, err)
			}
		}
	}
}
