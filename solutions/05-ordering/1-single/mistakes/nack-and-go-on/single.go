// What fails is given back, and Run goes on with the next message: so it was right in 03/2.
// In production: the reservation fails for a second, because the database is away. The card is charged meanwhile, and then the
// goods are reserved. Or they are sold out, and the money goes back.
//
// want TestFailedStepComesFirst: "out of turn"

// Package single handles the messages of a queue in their order.
package single

import (
	"context"
	"fmt"
	"log/slog"
	"math"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, of whose consumers one is active and the others stand by.
func Declare(ch *amqp.Channel, queue, kind string) error {
	args := amqp.Table{"x-queue-type": kind, "x-single-active-consumer": true}
	if kind != "classic" && kind != "quorum" {
		return fmt.Errorf("a queue of kind %q has no order", kind)
	}
	if kind == "quorum" {
		args["x-delivery-limit"] = math.MaxInt32
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
		return fmt.Errorf("limit what is sent ahead: %w", err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	active, end := context.WithCancel(context.WithoutCancel(ctx))
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() { <-closed; end() }()

	for {
		var d amqp.Delivery
		var ok bool
		select {
		case d, ok = <-deliveries:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return nil
		}
		if !ok {
			return fmt.Errorf("consume %q: no more", queue)
		}
		answer := func() error { return d.Ack(false) }
		if err := handle(active, d); err != nil {
			slog.Warn("again", "queue", queue, "error", err)
			answer = func() error { return d.Nack(false, true) } // it goes to the head of the queue
		}
		if err := answer(); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}
