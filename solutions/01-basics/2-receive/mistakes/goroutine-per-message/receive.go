// A goroutine for each message, and no limit: "Go can do that".
// In production a backlog starts 300,000 handlers at once, against a database with 20 connections. Two messages about
// one product run side by side. And nobody waits for the handlers when the process is told to stop.
//
// want TestOneMessageAtATime: "2 were sent to this receiver"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive handles everything at once.
func Receive(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(context.Context, amqp.Delivery) error) error {
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
			go func() {
				if handle(context.WithoutCancel(ctx), d) == nil {
					d.Ack(false)
				} else {
					d.Nack(false, true)
				}
			}()
		}
	}
}
