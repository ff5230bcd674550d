// That an answer came is taken for a yes.
// In production the queue is full (reject-publish) or its leader is gone, and RabbitMQ says nack: "I don't have it".
// The caller hears nil, and the order is lost exactly when the system is in trouble. A lost connection ends the wait
// in the same way.
//
// want TestRefusedMessageIsAnError: "RabbitMQ refused order-7 (basic.nack), and Publish returned nil"

package confirm

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Publish waits for an answer, whatever it says.
func Publish(ctx context.Context, ch *amqp.Channel, queue string, body []byte) error {
	// In confirm mode RabbitMQ answers each message. Asking for it again changes nothing.
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, amqp.Publishing{Body: body})
	if err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	if _, err := confirmation.WaitContext(ctx); err != nil {
		return fmt.Errorf("wait for the confirm of a message to queue %q: %w", queue, err)
	}
	return nil
}
