// ctx is looked at after each message only.
// In production a quiet queue keeps the process from stopping: the supervisor loses patience and kills it, or the next
// message is still begun, an hour after the call to stop.
//
// want TestStopTakesNoFurtherMessage: "the handler of order-8 was called"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive looks at ctx when a message has come.
func Receive(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(context.Context, amqp.Delivery) error) error {
	if err := ch.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	for d := range deliveries {
		if handle(context.WithoutCancel(ctx), d) == nil {
			err = d.Ack(false)
		} else {
			err = d.Nack(false, true)
		}
		if err != nil {
			return fmt.Errorf("answer a message of %q: %w", queue, err)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	return fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
}
