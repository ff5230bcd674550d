// Exchanges first, then queues, then bindings: tidy, and how most programs do it. The queue of orders is there one step
// before its dead have a way.
//
// In production: the connection breaks before the last step, and nobody declares again. Orders are refused as always,
// into nothing.
//
// want TestCutAnywhereLosesNothing: "an order that was refused there is not in order.parked"

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
	queues := []struct {
		name string
		args amqp.Table
	}{
		{Parked, nil},
		{Queue, amqp.Table{"x-dead-letter-exchange": Exchange, "x-dead-letter-routing-key": Parked}},
	}
	for _, q := range queues {
		if _, err := ch.QueueDeclare(q.name, true, false, false, false, q.args); err != nil {
			return fmt.Errorf("declare queue %q: %w", q.name, err)
		}
	}
	if err := ch.QueueBind(Parked, Parked, Exchange, false, nil); err != nil {
		return fmt.Errorf("bind queue %q: %w", Parked, err)
	}
	return nil
}

// Handle takes the orders of Queue one after another, until ctx ends, and asks validate about each.
func Handle(ctx context.Context, ch *amqp.Channel, validate func(amqp.Delivery) error) error {
	if err := ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", Queue, err)
	}
	deliveries, err := ch.Consume(Queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", Queue, err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return fmt.Errorf("consume %q: channel, connection or queue is gone", Queue)
			}
			if ctx.Err() != nil {
				return nil
			}
			if err := validate(d); err != nil {
				if err := d.Reject(false); err != nil {
					return fmt.Errorf("refuse an order: %w", err)
				}
				continue
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack an order: %w", err)
			}
		}
	}
}
