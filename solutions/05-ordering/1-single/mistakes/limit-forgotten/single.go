// The quorum queue names no delivery limit. RabbitMQ 4 gives it one of 20, and counts each return, tried or not.
// In production: the database is away for a minute, Run is called again each second, and RabbitMQ drops the first ten steps of the
// queue, nine of which were never tried. The sagas go on with the eleventh.
//
// brokers: 4
// want TestFailingStepIsNotDropped: "failed 21 times; then process A began step-11"

// Package single handles the messages of a queue in their order.
package single

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, of whose consumers one is active and the others stand by.
func Declare(ch *amqp.Channel, queue, kind string) error {
	if kind != amqp.QueueTypeClassic && kind != amqp.QueueTypeQuorum {
		return fmt.Errorf("declare %q: kind %q", queue, kind)
	}
	_, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{
		amqp.QueueTypeArg:            kind,
		amqp.SingleActiveConsumerArg: true,
	})
	if err != nil {
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
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		<-closed
		end()
	}()
	if err := ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("prefetch: %w", err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume: %w", err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if ctx.Err() != nil {
				return nil
			} else if !ok {
				return fmt.Errorf("consume %q: the channel is gone", queue)
			} else if err := handle(work, d); err != nil {
				return fmt.Errorf("message %d: %w", d.DeliveryTag, err)
			} else if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack message %d: %w", d.DeliveryTag, err)
			}
		}
	}
}
