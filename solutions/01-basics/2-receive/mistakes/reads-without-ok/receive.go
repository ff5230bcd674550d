// The second value of the receive is missing. A closed Go channel gives zero values, at once and for ever.
// In production the connection breaks and the loop spins at full speed over empty deliveries (1.7 million in 200 ms):
// a core burns, the log fills the disk, and no message is handled until somebody looks.
//
// want TestLostConnectionIsAnError: "called with an empty message"

package receive

import (
	"context"
	"fmt"
	"log"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive never asks whether the deliveries have ended.
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
		case d := <-deliveries:
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
				log.Printf("answer a message of %q: %v", queue, err)
			}
		}
	}
}
