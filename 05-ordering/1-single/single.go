// Package single handles the messages of a queue in their order, by one process at a time while others stand by. It neither
// connects again (01/5) nor gives a message up: what comes after one that fails has to wait.
package single

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, of whose consumers one is active and the others stand by (x-single-active-consumer).
//   - kind is its type, "classic" or "quorum". With any other: an error, and nothing is declared. The queue is durable.
//   - On a quorum queue RabbitMQ counts how often a message came back, also with a channel that was closed before it was
//     tried. Over 20 RabbitMQ 4 drops it, unless the queue says otherwise (x-delivery-limit, 04/3). From this queue it drops
//     nothing: a million times is not too often.
//   - Calling it again changes nothing. A queue is there and differs: an error that wraps RabbitMQ's *amqp.Error (406), and
//     that queue stays as it is.
func Declare(ch *amqp.Channel, queue, kind string) error {
	// TODO(05/1): make the queue.
	return notDone
}

// Run hands the messages of queue, which Declare made, to handle in their order. Many processes may call it: RabbitMQ sends
// messages to one of them, and to another when that one's channel is closed.
//   - One handle runs at a time, over all processes, on the goroutine that called Run. When it has returned nil its message is
//     acked, and then the next begins.
//   - RabbitMQ sends up to ten messages ahead of their acks, the rest stays in the queue.
//   - handle returns an error: begin nothing more, return an error that wraps it. The message and those sent ahead keep their
//     places: whoever is active next begins with that message. Whoever calls Run decides when to call it again.
//   - handle panics: the message keeps its place too. Run needn't recover; if it does, it doesn't return nil.
//   - ctx ends: begin nothing more. The running handle finishes, and what it returns counts as ever. Its context does not end with
//     ctx, and no other process begins anything before. Then return nil. Who has nothing to handle, or stands by, does so at once.
//   - Channel or connection lost, whoever closed it: RabbitMQ makes another process active at once, which begins with the same
//     message. So the context of a running handle ends now, whether ctx has ended or not: it may break off. What comes after it
//     is not begun here. When it has returned, return an error. What RabbitMQ got no ack for is handled again (05/5).
//   - Queue lost, or never there: return an error. What was sent ahead may still be handled.
//   - Run has a channel of its own. However it ends, by a panic too, that channel is closed and nothing runs any more that
//     it has started. conn stays open.
func Run(ctx context.Context, conn *amqp.Connection, queue string, handle func(context.Context, amqp.Delivery) error) error {
	// TODO(05/1): consume, one message after another; think of how it ends before how it works.
	return notDone
}
