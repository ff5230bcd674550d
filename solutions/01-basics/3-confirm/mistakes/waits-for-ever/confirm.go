// Wait instead of WaitContext: nothing but an answer ends it.
// In production RabbitMQ is low on memory and stops reading (an alarm); no answer comes for an hour, the connection
// lives, and every request of the shop hangs in here, long after its customer gave up.
//
// want TestEndOfCtxEndsTheWait: "Publish goes on waiting for an answer"

package confirm

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Publish waits as long as it takes.
func Publish(ctx context.Context, ch *amqp.Channel, queue string, body []byte) error {
	// In confirm mode RabbitMQ answers each message. Asking for it again changes nothing.
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, amqp.Publishing{Body: body})
	if err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	if !confirmation.Wait() { // a nack, or the channel ended without an answer
		return fmt.Errorf("publish to queue %q: not confirmed", queue)
	}
	return nil
}
