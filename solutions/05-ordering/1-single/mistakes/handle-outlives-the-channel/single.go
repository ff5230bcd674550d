// The context of the handle ends neither with ctx, which is right, nor with the channel.
// In production: the network is gone for a minute, and RabbitMQ gives the step to another process. This one goes on with it, asks
// the bank a third time, and is the last to write the saga's state, ten minutes later.
//
// want TestLossKeepsTheOrder: "the context of A's handle goes on"

// Package single handles the messages of a queue in their order.
package single

import (
	"context"
	"fmt"
	"math"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, of whose consumers one is active and the others stand by.
func Declare(ch *amqp.Channel, queue, kind string) error {
	args := amqp.Table{"x-queue-type": kind, "x-single-active-consumer": true}
	switch kind {
	case "classic":
	case "quorum":
		args["x-delivery-limit"] = math.MaxInt32 // nothing is dropped
	default:
		return fmt.Errorf("declare %q: %q is no kind", queue, kind)
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
		return fmt.Errorf("declare %q: %w", queue, err)
	}
	return nil
}

// Run hands the messages of queue to handle in their order.
func Run(ctx context.Context, conn *amqp.Connection, queue string, handle func(context.Context, amqp.Delivery) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	if err := ch.Qos(10, 0, false); err != nil {
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
			if ctx.Err() != nil {
				return nil
			}
			if !ok {
				return fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
			}
			if err := handle(context.WithoutCancel(ctx), d); err != nil {
				return fmt.Errorf("handle a message of %q: %w", queue, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack a message of %q: %w", queue, err)
			}
		}
	}
}
