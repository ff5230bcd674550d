// The handler runs beside the loop, and the end of ctx wins.
// In production every deployment cuts the running orders short: the process ends while a payment is on its way, and
// the order that was half done is done again from the start by the next process.
//
// want TestStopFinishesTheRunningMessage: "Receive returned while the handler of order-7 was running"

package receive

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive does not wait for the running handler.
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
			done := make(chan error, 1)
			go func() { done <- handle(context.WithoutCancel(ctx), d) }()
			select {
			case <-ctx.Done():
				return nil
			case err = <-done:
			}
			if err == nil {
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
