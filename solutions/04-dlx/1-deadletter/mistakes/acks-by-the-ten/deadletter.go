// What was accepted is acked ten at a time, by one ack for all, and the rest when Handle ends: it saves nine acks of ten.
//
// In production: the process is killed, and up to nine orders that were done come again and are done again. On a quiet day
// the last nine stay unacked for hours, until RabbitMQ closes the channel.
//
// want TestStopFinishesTheRunningOrder: "0 orders have an answer"

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
	const batch = 10
	if err := ch.Qos(2*batch, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", Queue, err)
	}
	deliveries, err := ch.Consume(Queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", Queue, err)
	}
	var done []amqp.Delivery // accepted, and not acked yet
	flush := func() error {
		if len(done) == 0 {
			return nil
		}
		last := done[len(done)-1]
		done = nil
		return last.Ack(true)
	}
	for {
		select {
		case <-ctx.Done():
			return flush()
		case d, ok := <-deliveries:
			if !ok {
				return fmt.Errorf("consume %q: channel, connection or queue is gone", Queue)
			}
			if ctx.Err() != nil {
				return flush()
			}
			if validate(d) == nil {
				if done = append(done, d); len(done) == batch {
					err = flush()
				}
			} else {
				err = d.Reject(false)
			}
			if err != nil {
				return fmt.Errorf("answer an order of %q: %w", Queue, err)
			}
		}
	}
}
