// The end of ctx is returned as an error.
// In production every orderly stop is logged as a failure and ends with exit code 1: the supervisor restarts what was
// told to stop, and real failures drown among the false ones.
//
// want TestStopTakesNoFurtherMessage: "Receive returned an error: context canceled"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive reports a call to stop as a failure.
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
			return ctx.Err()
		case d, ok := <-deliveries:
			if !ok {
				return fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
			}
			if ctx.Err() != nil { // both cases were ready, and select took this one
				return ctx.Err()
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
