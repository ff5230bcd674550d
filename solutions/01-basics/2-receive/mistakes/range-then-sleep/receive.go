// The loop runs in a goroutine, and the function waits for ctx: the form of most tutorials.
// In production the connection breaks, the loop ends quietly, and the process lives on: healthy to whoever asks,
// consuming nothing. The queue grows until a customer calls.
//
// want TestLostConnectionIsAnError: "Receive goes on waiting"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive waits for ctx while something else may have ended.
func Receive(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(context.Context, amqp.Delivery) error) error {
	if err := ch.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	go func() {
		for d := range deliveries {
			if ctx.Err() != nil {
				return
			}
			if handle(context.WithoutCancel(ctx), d) == nil {
				d.Ack(false)
			} else {
				d.Nack(false, true)
			}
		}
	}()
	<-ctx.Done()
	return nil
}
