// The argument x-single-active-consumer is given with basic.consume, where RabbitMQ ignores what it doesn't know.
// In production: with one process all is well. A second one is started to stand by, and gets every other step.
//
// want TestQueueIsOfItsKind: "Declare made the queue with the arguments"

// Package single handles the messages of a queue in their order.
package single

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue.
func Declare(ch *amqp.Channel, queue, kind string) error {
	args := map[string]amqp.Table{
		"classic": {"x-queue-type": "classic"},
		"quorum":  {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000},
	}[kind]
	if args == nil {
		return fmt.Errorf("unknown kind %q", kind)
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
		return fmt.Errorf("declare %q as a %s queue: %w", queue, kind, err)
	}
	return nil
}

// Run hands the messages of queue to handle in their order.
func Run(ctx context.Context, conn *amqp.Connection, queue string, handle func(context.Context, amqp.Delivery) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err = ch.Qos(1, 0, false); err != nil {
		return err
	}
	in, err := ch.Consume(queue, "", false, false, false, false, amqp.Table{"x-single-active-consumer": true})
	if err != nil {
		return err
	}
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	lost := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		defer stopWork()
		<-lost
	}()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case d, ok := <-in:
			if ctx.Err() != nil {
				break
			}
			if !ok {
				return fmt.Errorf("%q sends no more", queue)
			}
			if err := handle(working, d); err != nil {
				return err
			}
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
	return nil
}
