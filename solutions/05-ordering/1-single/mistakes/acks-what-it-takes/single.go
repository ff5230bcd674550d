// A message is acked when it is taken, so that nobody else gets it while its handle runs.
// In production: the process dies in the middle of a reservation. The stand-by goes on with the next step, and charges the card.
//
// want TestPanicKeepsTheOrder: "out of turn"

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
		args["x-delivery-limit"] = int64(math.MaxInt32)
	}
	if kind != "quorum" && kind != "classic" {
		return fmt.Errorf("declare %q: kind is %q", queue, kind)
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
		return fmt.Errorf("one at a time: %w", err)
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
		d, err := take(ctx, deliveries)
		if err != nil || d == nil {
			return err
		}
		if err := handle(active, *d); err != nil {
			return fmt.Errorf("handle: %w", err)
		}
	}
}

// take returns the next message, or nil when ctx has ended.
func take(ctx context.Context, deliveries <-chan amqp.Delivery) (*amqp.Delivery, error) {
	select {
	case <-ctx.Done():
		return nil, nil
	case d, ok := <-deliveries:
		if ctx.Err() != nil {
			return nil, nil
		}
		if !ok {
			return nil, errors.New("no more deliveries")
		}
		return &d, d.Ack(false)
	}
}
