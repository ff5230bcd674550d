// Package workers handles the messages of one queue several at a time. It dials nothing and declares nothing: channel
// and queue are the caller's.
package workers

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Work handles the messages of queue, up to workers of them at a time, until ctx ends.
//   - The broker sends prefetch messages ahead of their answers and no more: the rest stays in the queue, where
//     another process can take it. prefetch may be larger than workers. Either below 1: an error, and nothing is
//     consumed.
//   - Who is free takes the next message: a slow one holds up nobody. Never more than workers handles run at once.
//   - Each message is answered by itself, once, after its handle returned: nil acks it, an error gives it back.
//   - ctx ends: begin no message, let the running handles finish and answer, end the consumer, wait until RabbitMQ has
//     confirmed that, return nil. The context that a handle gets does not end with ctx. What was sent ahead and not
//     begun goes back when the caller closes ch.
//   - No more deliveries because channel, connection or queue is gone: let the running handles finish, return an
//     error. Reconnecting is 01/5.
//   - When Work has returned, nothing of it runs, or waits for ctx, in amqp091-go neither. ch stays open: it is the
//     caller's.
func Work(ctx context.Context, ch *amqp.Channel, queue string, workers, prefetch int,
	handle func(context.Context, amqp.Delivery) error) error {
	// TODO(01/4): limit what is sent ahead, consume, let workers goroutines take from the deliveries, wait for them all.
	return notDone
}
