// When ctx has ended only Ack is still said: everything else is given back by the end of the channel anyway. Discard is not.
//
// In production: an order that can never be packed is in work at each deployment of a bad evening, and each time it is
// back in front of the queue.
//
// want TestStopFinishesTheRunningHandle: "got no discard for it"

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
	stop := context.AfterFunc(ctx, func() { ch.Cancel(consumer, false) })
	defer stop()

	for d := range deliveries {
		if ctx.Err() != nil {
			continue
		}
		v := handle(context.WithoutCancel(ctx), d)
		if ctx.Err() != nil && v != Ack {
			continue // the channel closes, and it goes back
		}
		if err := answer(d, v); err != nil {
			return fmt.Errorf("answer a message of %q: %w", queue, err)
		}
	}
	if ctx.Err() == nil {
		return fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
	}

	if err := ch.Close(); err != nil {
		return fmt.Errorf("close the channel of %q: %w", queue, err)
	}
	if err := <-lost; err != nil {
		return fmt.Errorf("stop consuming %q: the last answer may be lost: %w", queue, err)
	}
	return nil
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
