// The channel is closed where Run ends well. Where a handle fails, it stays open, and on it the consumer.
// In production: the active one stays active, and handles nothing. RabbitMQ sees a consumer with ten steps in hand, five processes
// stand by, no alarm rings, and the sagas stand still until somebody restarts that process.
//
// want TestFailedStepComesFirst: "no process begins anything"

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
		return fmt.Errorf("neither classic nor quorum: %q", kind)
	}
	_, err := ch.QueueDeclare(queue, true, false, false, false, args)
	if err != nil {
		err = fmt.Errorf("declare %q: %w", queue, err)
	}
	return err
}

// Run hands the messages of queue to handle in their order.
func Run(ctx context.Context, conn *amqp.Connection, queue string, handle func(context.Context, amqp.Delivery) error) error {
	ch, deliveries, err := consume(conn, queue)
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
			return ch.Close()
		case d, ok := <-deliveries:
			switch {
			case ctx.Err() != nil:
				return ch.Close()
			case !ok:
				return fmt.Errorf("consume %q: it is over", queue)
			}
			if err := handle(active, d); err != nil {
				return fmt.Errorf("%s: %w", d.MessageId, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack %s: %w", d.MessageId, err)
			}
		}
	}
}

func consume(conn *amqp.Connection, queue string) (*amqp.Channel, <-chan amqp.Delivery, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, nil, err
	}
	if err := ch.Qos(10, 0, false); err != nil {
		return nil, nil, err
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	return ch, deliveries, err
}
