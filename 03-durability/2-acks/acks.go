// Package acks consumes a queue so that a crash at any moment loses nothing, and a wanted end breaks nothing off. It
// declares nothing: connection and queue are the caller's.
package acks

import (
	"context"

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
	// TODO(03/2): open a channel, limit what is sent ahead, consume, answer each message, and mind how it ends.
	return notDone
}
