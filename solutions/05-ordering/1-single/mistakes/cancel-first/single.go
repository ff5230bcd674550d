// When ctx ends the consumer is cancelled at once, while the handle still runs, as 03/2 does it.
// In production: on a quorum queue, and from 4.0 on any queue, RabbitMQ makes the stand-by active at the cancel. It gets what was
// not sent ahead to this process: with each deployment step-12 begins while step-2 still runs, and steps 3 to 11 come after it.
//
// want TestStopKeepsTheOrder: "out of turn"

// Package single handles the messages of a queue in their order.
package single

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, of whose consumers one is active and the others stand by.
func Declare(ch *amqp.Channel, queue, kind string) error {
	args := amqp.Table{"x-queue-type": kind, "x-single-active-consumer": true}
	if kind == "quorum" {
		args["x-delivery-limit"] = math.MaxInt32
	} else if kind != "classic" {
		return fmt.Errorf("declare %q: kind %q", queue, kind)
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
	defer ch.Close() // what was sent ahead and has no answer goes back to the queue with this
	if err := ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	consumer := rand.Text()
	deliveries, err := ch.Consume(queue, consumer, false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	working, lost := context.WithCancel(context.WithoutCancel(ctx))
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		<-closed
		lost()
	}()
	// This runs beside a handle. It ends the deliveries.
	stop := context.AfterFunc(ctx, func() { ch.Cancel(consumer, false) })
	defer stop()

	for d := range deliveries {
		if ctx.Err() != nil {
			continue // not begun: it goes back
		}
		if err := handle(working, d); err != nil {
			return fmt.Errorf("handle a message of %q: %w", queue, err)
		}
		if err := d.Ack(false); err != nil {
			return fmt.Errorf("ack a message of %q: %w", queue, err)
		}
	}
	if ctx.Err() == nil {
		return fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
	}
	return nil
}
