// After a stop context.Canceled is taken for the wanted end: that is what a stop looks like elsewhere. But the context of the
// handle does not end with ctx. Whatever was cancelled, it wasn't that, and the step is not done.
// In production: the step gave up a call to the bank after ten seconds, during a deployment. Run says that all is well. The
// next process fails of the same, the one after it too, and nobody reads of it in a log.
//
// want TestStopKeepsTheOrder: "Run returned: <nil>"

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
	if kind == "quorum" {
		args["x-delivery-limit"] = math.MaxInt32
	}
	_, err := ch.QueueDeclare(queue, true, false, false, false, args)
	if err != nil {
		err = fmt.Errorf("declare %q: %w", queue, err)
	}
	return err
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
	err = work(ctx, ch, deliveries, handle)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // stopped
	}
	return fmt.Errorf("work on %q: %w", queue, err)
}

// work handles messages until ctx ends (context.Canceled), a handle fails, or nothing comes any more.
func work(ctx context.Context, ch *amqp.Channel, deliveries <-chan amqp.Delivery,
	handle func(context.Context, amqp.Delivery) error) error {
	alive, end := context.WithCancel(context.WithoutCancel(ctx))
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		<-closed
		end()
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d, ok := <-deliveries:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if !ok {
				return errors.New("no more deliveries")
			}
			if err := handle(alive, d); err != nil {
				return fmt.Errorf("handle: %w", err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack: %w", err)
			}
		}
	}
}
