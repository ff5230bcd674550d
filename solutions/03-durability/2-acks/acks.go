// Package acks consumes a queue so that a crash at any moment loses nothing, and a wanted end breaks nothing off. It
// declares nothing: connection and queue are the caller's.
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

// Consume handles the messages of queue one after another until ctx ends. Wherever the process dies, no message is lost.
//   - It has a channel of its own on conn, which is closed whenever Consume returns. conn stays open.
//   - RabbitMQ sends up to ten messages ahead of their answers (prefetch 10), so that the next one is there when a
//     handle returns. The rest stays in the queue, where others can take it.
//   - Each message is answered once, as its verdict says, after its handle has returned and before the next handle
//     begins. What a crash leaves unanswered is in the queue again: it may be handled twice (05/5), never not at all.
//   - A handle that panics is such a crash: it has said nothing, so nobody acks for it. Consume needn't recover; if it
//     does, it doesn't return nil.
//   - ctx ends: RabbitMQ is told at once to send no more (basic.cancel), even while a handle runs. That handle finishes
//     and is answered; its context does not end with ctx. What was sent ahead and not begun goes back unhandled,
//     and comes here no more. Then Consume closes its channel and returns nil: RabbitMQ has got all answers.
//   - Connection, channel or queue lost, whoever closed it, or never there: return an error, when no handle runs any
//     more. Where connection or channel is lost, begin nothing more: RabbitMQ has given back what was sent ahead. (A
//     deleted queue took its messages with it: what was sent ahead is nowhere else, and may be handled.)
//   - That is an error too when ctx has ended, as long as RabbitMQ may not have got the last answer. Reconnecting is 01/5.
func Consume(ctx context.Context, conn *amqp.Connection, queue string,
	handle func(context.Context, amqp.Delivery) Verdict) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close() // what was sent ahead and has no answer goes back to the queue with this
	lost := ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	consumer := rand.Text()
	deliveries, err := ch.Consume(queue, consumer, false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	// This runs beside a handle. It ends the deliveries: if it fails, the channel is gone, and they have ended already.
	stop := context.AfterFunc(ctx, func() { ch.Cancel(consumer, false) })
	defer stop()

	for d := range deliveries {
		if ctx.Err() != nil {
			continue // not begun: it goes back
		}
		if err := answer(d, handle(context.WithoutCancel(ctx), d)); err != nil {
			return fmt.Errorf("answer a message of %q: %w", queue, err)
		}
	}
	if ctx.Err() == nil {
		return fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
	}

	// An answer that was written may still be on its way. RabbitMQ confirms the end of the channel after all that came
	// before it, so then it has the answer; unless the channel was lost, which Close finds closed, and says nothing.
	if err := ch.Close(); err != nil {
		return fmt.Errorf("close the channel of %q: %w", queue, err)
	}
	if err := <-lost; err != nil {
		return fmt.Errorf("stop consuming %q: the last answer may be lost: %w", queue, err)
	}
	return nil
}

// answer tells RabbitMQ the verdict on one message. An error means that the channel is gone.
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
