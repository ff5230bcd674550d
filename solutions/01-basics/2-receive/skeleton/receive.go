// Package receive handles the messages of a queue, one at a time. It neither connects nor declares: channel and queue
// are the caller's.
package receive

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Receive handles the messages of queue one after another until ctx ends.
//   - RabbitMQ pushes the messages (basic.consume). It sends the next one when the last one is answered; until then
//     the rest stays in the queue, where another receiver can take it.
//   - A message leaves the queue only after handle returned nil.
//   - If handle returns an error, the message goes back to the queue. (It may loop; 04-dlx mends that.)
//   - Each message is answered once.
//   - ctx ends: begin no further message, let the running handle finish and answer for it, return nil. The context
//     that handle gets does not end with ctx.
//   - Channel, connection or queue lost, or never there: return an error. Reconnecting is 01/5.
//   - ch is for this call alone and stays open: the caller closes it afterwards, and then RabbitMQ takes back what it
//     sent and nobody answered.
func Receive(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(context.Context, amqp.Delivery) error) error {
	// TODO(01/2): consume from the queue, handle each message, answer it.
	return notDone
}
