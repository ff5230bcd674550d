// While the last handle runs, all that comes is given back with a nack, and the consumer is cancelled when it has ended.
// RabbitMQ sends what was given back to the next consumer, which is this one.
//
// In production: the orders go in circles, thousands of times a second. A quorum queue counts each time, and throws them
// out at their delivery limit: orders that nobody ever handled.
//
// want TestStopSendsNothingInCircles: "orders that nobody ever handled are in"

package acks

import (
	"context"
	"crypto/rand"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Verdict is what a handle says of its message. Its zero value is Again: who forgets to decide loses nothing.
type Verdict int

// The verdicts. Any other value means Again.
const (
	Again   Verdict = iota // not done: back to the queue. It comes again at once, perhaps for ever: 04-dlx mends that
	Ack                    // done: RabbitMQ may forget it
	Discard                // can never be done: out of the queue, and to its dead letter exchange if it has one (04/1)
)

// Consume handles the messages of queue one after another until ctx ends.
func Consume(ctx context.Context, conn *amqp.Connection, queue string,
	handle func(context.Context, amqp.Delivery) Verdict) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	lost := ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	consumer := rand.Text()
	deliveries, err := ch.Consume(queue, consumer, false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}

	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case d, ok := <-deliveries:
			if !ok {
				return fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
			}
			if ctx.Err() != nil {
				break
			}
			if err := work(ctx, deliveries, d, handle); err != nil {
				return fmt.Errorf("answer a message of %q: %w", queue, err)
			}
		}
	}
	if err := ch.Cancel(consumer, false); err != nil {
		return fmt.Errorf("end the consumer of %q: %w", queue, err)
	}
	if err := ch.Close(); err != nil {
		return fmt.Errorf("close the channel of %q: %w", queue, err)
	}
	if err := <-lost; err != nil {
		return fmt.Errorf("stop consuming %q: the last answer may be lost: %w", queue, err)
	}
	return nil
}

// work handles one message. When ctx ends meanwhile, it gives back what else comes.
func work(ctx context.Context, deliveries <-chan amqp.Delivery, d amqp.Delivery,
	handle func(context.Context, amqp.Delivery) Verdict) error {
	verdict := make(chan Verdict, 1)
	go func() { verdict <- handle(context.WithoutCancel(ctx), d) }()
	select {
	case v := <-verdict:
		return answer(d, v)
	case <-ctx.Done():
	}
	for {
		select {
		case v := <-verdict:
			return answer(d, v)
		case other, ok := <-deliveries:
			if !ok {
				return answer(d, <-verdict)
			}
			if err := other.Nack(false, true); err != nil {
				return err
			}
		}
	}
}

func answer(d amqp.Delivery, v Verdict) error {
	switch v {
	case Ack:
		return d.Ack(false)
	case Discard:
		return d.Reject(false)
	default:
		return d.Nack(false, true)
	}
}
