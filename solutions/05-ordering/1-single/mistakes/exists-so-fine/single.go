// A queue that is there and differs (406) is taken as it is: RabbitMQ says that it exists, and that is what Declare is for.
// In production: the queue was made a year ago, without a single active consumer. The new program starts without a word, and two of
// its processes share the steps. Nobody looks at the arguments of a queue.
//
// want TestConflictIsAnError: "and Declare returned nil"

// Package single handles the messages of a queue in their order.
package single

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
		return fmt.Errorf("declare %q: kind %q", queue, kind)
	}
	_, err := ch.QueueDeclare(queue, true, false, false, false, args)
	var refused *amqp.Error
	if errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed {
		slog.Info("the queue is there already", "queue", queue)
		return nil
	}
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
	if err := ch.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	deliveries, err := ch.ConsumeWithContext(context.WithoutCancel(ctx), queue, "", false, false, false, false, nil)
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
			if ctx.Err() != nil {
				return nil
			}
			if !ok {
				return fmt.Errorf("consume %q: it is over", queue)
			}
			err := handle(active, d)
			if err == nil {
				err = d.Ack(false)
			}
			if err != nil {
				return fmt.Errorf("message %q: %w", d.MessageId, err)
			}
		}
	}
}
