// The handle is given ctx itself.
// In production: each deployment breaks off the step that is running, in the middle of a call to the bank. It comes again in
// another process, and nobody knows whether it was done.
//
// want TestStopKeepsTheOrder: "the context of the handle ended with it"

// Package single handles the messages of a queue in their order.
package single

import (
	"context"
	"errors"
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
		return errors.New("kind must be classic or quorum")
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

	working, lost := context.WithCancelCause(ctx)
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		err := <-closed
		lost(fmt.Errorf("the channel was closed: %v", err))
	}()

	if err := ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	for working.Err() == nil {
		select {
		case <-working.Done():
		case d, ok := <-deliveries:
			if !ok && ctx.Err() == nil {
				return fmt.Errorf("consume %q: no more deliveries", queue)
			}
			if working.Err() != nil {
				break
			}
			if err := handle(working, d); err != nil {
				return fmt.Errorf("handle a message of %q: %w", queue, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack a message of %q: %w", queue, err)
			}
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(working)
}
