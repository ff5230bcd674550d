package main

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"
)

// hopefully publishes an order as many programs do: if nothing is said against it, it was sent.
func hopefully(ctx context.Context, ch *amqp.Channel, order string) error {
	return ch.PublishWithContext(ctx, exchange, "packing", false, false, amqp.Publishing{Body: []byte(order)})
}

// errUnknown says that no answer came: the broker has the order, or it hasn't.
var errUnknown = errors.New("no answer")

// The answers to an order that was published carefully.
const (
	stored   = "stored"
	refused  = "refused"
	returned = "returned"
)

// carefully publishes an order, persistent and mandatory, and waits for RabbitMQ's answer. Without one the error is errUnknown.
func (s *stage) carefully(ctx context.Context, order string) (answer string, err error) {
	err = s.channel(func(ch *amqp.Channel) error {
		if err := ch.Confirm(false); err != nil {
			return err
		}
		returns := ch.NotifyReturn(make(chan amqp.Return, 1))
		message := amqp.Publishing{MessageId: order, DeliveryMode: amqp.Persistent, Body: []byte(order)}
		confirm, err := ch.PublishWithDeferredConfirmWithContext(ctx, exchange, "packing", true, false, message)
		if err != nil {
			return errUnknown
		}
		acked, err := confirm.WaitContext(ctx)
		switch {
		case err != nil:
			return err
		case ch.IsClosed(): // then acked says nothing
			return errUnknown
		case len(returns) > 0: // a return comes before the confirm
			answer = returned
		case acked:
			answer = stored
		default:
			answer = refused
		}
		return nil
	})
	return answer, err
}
