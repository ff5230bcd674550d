// When ctx has ended and a message is there, select takes either. Here nobody looks at ctx again.
// In production: every other deployment begins one more step, after the program was told to stop. It has ten seconds, the step
// takes twenty, and it is killed in the middle.
//
// want TestStopBeginsNothing: "out of turn"

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
	limits := map[string]any{"classic": nil, "quorum": math.MaxInt32}
	limit, known := limits[kind]
	if !known {
		return fmt.Errorf("declare %q: unknown kind %q", queue, kind)
	}
	args := amqp.Table{"x-queue-type": kind, "x-single-active-consumer": true}
	if limit != nil {
		args["x-delivery-limit"] = limit
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
	active, end := context.WithCancel(context.WithoutCancel(ctx))
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		<-closed
		end()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
			}
			if err := handle(active, d); err != nil {
				return fmt.Errorf("handle a message of %q: %w", queue, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack a message of %q: %w", queue, err)
			}
		}
	}
}
