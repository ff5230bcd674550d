// When the deliveries end and the channel is open, nothing was lost: so somebody has stopped Handle.
//
// In production: order.commands is deleted, or its node goes down. RabbitMQ cancels the consumer and leaves the channel
// open; Handle returns nil, the service exits quietly, and nobody starts it again.
//
// want TestLostChannelIsAnError: "somebody deleted order.commands, and Handle returned nil"

package deadletter

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The way of an order that is refused.
const (
	Queue    = "order.commands"
	Exchange = "shop.dead"    // of type topic
	Parked   = "order.parked" // and the key of its binding
)

// Declare makes Queue, Exchange, Parked and what leads from one to the next.
func Declare(ch *amqp.Channel) error {
	if err := ch.ExchangeDeclare(Exchange, amqp.ExchangeTopic, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %q: %w", Exchange, err)
	}
	if _, err := ch.QueueDeclare(Parked, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", Parked, err)
	}
	if err := ch.QueueBind(Parked, Parked, Exchange, false, nil); err != nil {
		return fmt.Errorf("bind queue %q: %w", Parked, err)
	}
	args := amqp.Table{"x-dead-letter-exchange": Exchange, "x-dead-letter-routing-key": Parked}
	if _, err := ch.QueueDeclare(Queue, true, false, false, false, args); err != nil {
		return fmt.Errorf("declare queue %q: %w", Queue, err)
	}
	return nil
}

// Handle takes the orders of Queue one after another, until ctx ends, and asks validate about each.
func Handle(ctx context.Context, ch *amqp.Channel, validate func(amqp.Delivery) error) error {
	deliveries, err := ch.Consume(Queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", Queue, err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			switch {
			case !ok && ch.IsClosed():
				return fmt.Errorf("consume %q: channel or connection is gone", Queue)
			case !ok || ctx.Err() != nil:
				return nil
			}
			answer := func() error { return d.Ack(false) }
			if err := validate(d); err != nil {
				answer = func() error { return d.Reject(false) }
			}
			if err := answer(); err != nil {
				return fmt.Errorf("answer an order: %w", err)
			}
		}
	}
}
