// Confirm mode is selected after the message went out. RabbitMQ answers only what is published afterwards.
// In production the first message after each start has no confirmation to wait for (it is nil), and the process
// panics. Every later message on the channel is fine, so the test by hand, on a warm channel, was too.
//
// want TestNilMeansStored: "Publish panicked"

package confirm

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Publish asks for confirms when the message is gone.
func Publish(ctx context.Context, ch *amqp.Channel, queue string, body []byte) error {
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, amqp.Publishing{Body: body})
	if err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	// In confirm mode RabbitMQ answers each message. Asking for it again changes nothing.
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	acked, err := confirmation.WaitContext(ctx)
	if err != nil {
		return fmt.Errorf("wait for the confirm of a message to queue %q: %w", queue, err)
	}
	if !acked { // a nack, or the channel ended without an answer
		return fmt.Errorf("publish to queue %q: not confirmed", queue)
	}
	return nil
}
