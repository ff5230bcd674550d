// The goroutine that listens for the end of the channel ends with ctx, so that it doesn't outlive Run. The handle may.
// In production: a deployment restarts the network's router too. The step that runs is begun by another process at once, and this
// one goes on with it for as long as it takes.
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
	declare := func(args amqp.Table) error {
		args["x-queue-type"], args["x-single-active-consumer"] = kind, true
		if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
			return fmt.Errorf("declare %q: %w", queue, err)
		}
		return nil
	}
	switch kind {
	case "classic":
		return declare(amqp.Table{})
	case "quorum":
		return declare(amqp.Table{"x-delivery-limit": math.MaxInt32})
	}
	return fmt.Errorf("declare %q: kind %q", queue, kind)
}

// Run hands the messages of queue to handle in their order.
func Run(ctx context.Context, conn *amqp.Connection, queue string, handle func(context.Context, amqp.Delivery) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()

	work, breakOff := context.WithCancel(context.WithoutCancel(ctx))
	defer breakOff()
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		select {
		case <-closed:
			breakOff()
		case <-ctx.Done():
		}
	}()

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
			if err := handle(work, d); err != nil {
				return fmt.Errorf("handle a message of %q: %w", queue, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack a message of %q: %w", queue, err)
			}
		}
	}
}
