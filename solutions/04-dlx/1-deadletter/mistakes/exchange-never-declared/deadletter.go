// The queue is told where its dead go, and that is taken for the exchange's declaration: RabbitMQ doesn't complain
// about a name that doesn't exist.
//
// In production: RabbitMQ drops what it can't dead-letter, without a word. All refused orders of a month are gone when
// somebody looks for the first one.
//
// want TestRefusedOrdersAreParked: "is not in order.parked"

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
