// Handle sends a refused order to shop.dead itself, with the reason, and acks the original. It doesn't wait for a
// confirm.
//
// In production: no x-death says where the order died, so nobody can send it back there. And when the connection breaks
// between the two, or RabbitMQ refuses the copy, it is lost.
//
// want TestParkedOrdersSayWhereTheyDied: "the order has the headers"

package deadletter

import (
	"context"
	"fmt"
	"maps"

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
			if !ok {
				return fmt.Errorf("consume %q: channel, connection or queue is gone", Queue)
			}
			if ctx.Err() != nil {
				return nil
			}
			if err := validate(d); err != nil {
				if err := park(ch, d, err); err != nil {
					return fmt.Errorf("park an order: %w", err)
				}
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack an order: %w", err)
			}
		}
	}
}

func park(ch *amqp.Channel, d amqp.Delivery, cause error) error {
	headers := amqp.Table{"refused-because": cause.Error()}
	maps.Copy(headers, d.Headers)
	return ch.Publish(Exchange, Parked, false, false, amqp.Publishing{
		Headers:       headers,
		ContentType:   d.ContentType,
		DeliveryMode:  d.DeliveryMode,
		CorrelationId: d.CorrelationId,
		MessageId:     d.MessageId,
		Type:          d.Type,
		Body:          d.Body,
	})
}
