// Package receive handles the messages of a queue, one at a time. It neither connects nor declares: channel and queue
// are the caller's.
package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive handles the messages of queue one after another until ctx ends.
//   - RabbitMQ pushes the messages (basic.consume). It sends the next one when the last one is answered; until then
//     the rest stays in the queue, where another receiver can take it.
//   - A message leaves the queue only after handle returned nil.
//   - If handle returns an error, the message goes back to the queue. (It may loop; 04-dlx mends that.)
//   - Each message is answered once.
//   - ctx ends: begin no further message, let the running handle finish and answer for it, return nil. The context
//     that handle gets does not end with ctx.
//   - Channel, connection or queue lost, or never there: return an error. Reconnecting is 01/5.
//   - ch is for this call alone and stays open: the caller closes it afterwards, and then RabbitMQ takes back what it
//     sent and nobody answered.
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
