// Package confirm publishes and knows whether the message arrived. It publishes one at a time: many at once are 03/3.
package confirm

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Publish sends body to queue through the default exchange, and waits for RabbitMQ's answer to it (a publisher confirm).
//   - nil means: RabbitMQ acked this very message. It has it.
//   - RabbitMQ nacks it, or channel or connection is lost before the answer: return an error.
//   - ctx ends before the answer: return an error that wraps ctx's. Whether RabbitMQ has the message is unknown then.
//   - A call publishes once. Whether to try again is for the caller to say, since it may make a second copy.
//   - It is called again and again on the same ch, by one goroutine at a time. ch may be in confirm mode before the first
//     call, or not. An answer that comes too late for its own call counts for no other. ch stays open.
//   - A queue that doesn't exist goes unnoticed: RabbitMQ acks what no queue takes. 02/5 mends that.
func Publish(ctx context.Context, ch *amqp.Channel, queue string, body []byte) error {
	// TODO(01/3): ask for confirms, publish, wait for the answer to this message.
	return notDone
}
