// The dead keep their key, and order.parked is bound with order.commands: orders that were published to the queue have
// that key.
//
// In production: orders that come over shop.commands have the key order.place.v1, and no binding fits: what the tests
// sent by hand is parked, what customers order is dropped.
//
// want TestOrdersOfAnyKeyAreParked: "is not in order.parked"

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
	err := ch.ExchangeDeclare(Exchange, amqp.ExchangeTopic, true, false, false, false, nil)
	if err == nil {
		_, err = ch.QueueDeclare(Parked, true, false, false, false, nil)
	}
	if err == nil {
		err = ch.QueueBind(Parked, Queue, Exchange, false, nil) // the key that the dead have
	}
	if err == nil {
		_, err = ch.QueueDeclare(Queue, true, false, false, false, amqp.Table{"x-dead-letter-exchange": Exchange})
	}
	if err != nil {
		return fmt.Errorf("declare the way of refused orders: %w", err)
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
