// A goroutine puts what comes into a buffer, another one handles what is in the buffer. When the channel is lost the buffer is
// still full, and that an ack fails is written into the log.
// In production: the network is gone for a second. RabbitMQ gives everything to the stand-by, and for the next ten steps two
// processes work side by side.
//
// want TestLossKeepsTheOrder: "out of turn"

// Package single handles the messages of a queue in their order.
package single

import (
	"context"
	"fmt"
	"log/slog"
	"math"

	amqp "github.com/rabbitmq/amqp091-go"
)

const prefetch = 10

// Declare makes queue, of whose consumers one is active and the others stand by.
func Declare(ch *amqp.Channel, queue, kind string) error {
	args := amqp.Table{"x-queue-type": kind, "x-single-active-consumer": true}
	switch kind {
	case "classic":
	case "quorum":
		args["x-delivery-limit"] = math.MaxInt32
	default:
		return fmt.Errorf("kind %q is neither classic nor quorum", kind)
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
	if err := ch.Qos(prefetch, 0, false); err != nil {
		return fmt.Errorf("set the prefetch: %w", err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	active, end := context.WithCancel(context.WithoutCancel(ctx))
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		<-closed
		end()
	}()

	buffer := make(chan amqp.Delivery, prefetch) // so that the network never waits for a handle
	go func() {
		defer close(buffer)
		for d := range deliveries {
			buffer <- d
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-buffer:
			switch {
			case ctx.Err() != nil:
				return nil
			case !ok:
				return fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
			}
			if err := handle(active, d); err != nil {
				return fmt.Errorf("handle: %w", err)
			}
			if err := d.Ack(false); err != nil {
				slog.Warn("ack", "queue", queue, "error", err)
			}
		}
	}
}
