// Each call adds a listener for confirms to the channel, and leaves it behind.
// In production the listeners of the first calls are full after two messages, and the library waits five seconds for
// each of them before it goes on: heartbeats and deliveries of the whole connection wait too. It gets slower with
// every message.
//
// want TestManyMessagesOnOneChannel: "one after another on the same channel: Publish hangs"

package confirm

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Publish listens once more with every call.
func Publish(ctx context.Context, ch *amqp.Channel, queue string, body []byte) error {
	// In confirm mode RabbitMQ answers each message. Asking for it again changes nothing.
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	tag := ch.GetNextPublishSeqNo()
	answers := ch.NotifyPublish(make(chan amqp.Confirmation, 1))
	err := ch.PublishWithContext(ctx, "", queue, false, false, amqp.Publishing{Body: body})
	if err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the confirm of a message to queue %q: %w", queue, ctx.Err())
		case answer := <-answers:
			if answer.DeliveryTag != tag && answer.DeliveryTag != 0 {
				continue
			}
			if !answer.Ack {
				return fmt.Errorf("publish to queue %q: not confirmed", queue)
			}
			return nil
		}
	}
}
