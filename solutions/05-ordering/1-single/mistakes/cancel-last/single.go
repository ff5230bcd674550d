// At the end everything is in good order: the handle finishes, its message is acked, the consumer is cancelled, the channel is
// closed. Between the last two another process is active already, and what was sent ahead is still here.
// In production: with each deployment a few steps come after those that build on them. Nobody can repeat it on a quiet
// queue, where nothing is left that was not sent ahead. (A classic queue before 4.0 waits for the channel.)
//
// want TestStopKeepsTheOrder: "out of turn"

// Package single handles the messages of a queue in their order.
package single

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, of whose consumers one is active and the others stand by.
func Declare(ch *amqp.Channel, queue, kind string) error {
	args := amqp.Table{"x-single-active-consumer": true}
	switch kind {
	default:
		return fmt.Errorf("%q is no kind of queue that keeps an order", kind)
	case "quorum":
		args["x-queue-type"], args["x-delivery-limit"] = kind, int32(1<<31-1)
	case "classic":
		args["x-queue-type"] = kind
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
		return fmt.Errorf("declare: %w", err)
	}
	return nil
}

var errEnd = errors.New("the deliveries have ended")

// Run hands the messages of queue to handle in their order.
func Run(ctx context.Context, conn *amqp.Connection, queue string, handle func(context.Context, amqp.Delivery) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	active, end := context.WithCancel(context.WithoutCancel(ctx))
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() { <-closed; end() }()

	if err := ch.Qos(10, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.Consume(queue, "single", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ch.Cancel("single", false)
		default:
		}
		select {
		case <-ctx.Done():
		case d, ok := <-deliveries:
			if !ok {
				return errEnd
			}
			if ctx.Err() != nil {
				continue
			}
			if err := handle(active, d); err != nil {
				return err
			}
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
}
