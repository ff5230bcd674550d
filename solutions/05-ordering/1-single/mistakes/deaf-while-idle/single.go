// The end of ctx is noticed when the next message comes. To a stand-by none comes.
// In production: the stand-bys don't stop. Each deployment waits half a minute for each of them, and kills them then.
//
// want TestStandByStops: "has not returned"

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
		args["x-delivery-limit"] = math.MaxInt32
	default:
		return fmt.Errorf("declare %q: not a %q queue, please", queue, kind)
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
	if err := ch.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
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
	for d := range deliveries {
		if ctx.Err() != nil {
			return nil
		}
		if err := handle(active, d); err != nil {
			return fmt.Errorf("handle a message of %q: %w", queue, err)
		}
		if err := d.Ack(false); err != nil {
			return fmt.Errorf("ack a message of %q: %w", queue, err)
		}
	}
	return fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
}
