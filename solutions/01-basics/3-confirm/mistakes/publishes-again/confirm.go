// What is not confirmed is published again, in here.
// In production the answer was lost and not the message: the order is in the queue twice, with nothing that tells the
// copies apart, and the caller, who could have decided otherwise, is not asked.
//
// want TestRefusedMessageIsAnError: "Publish published it 2 times"

package confirm

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Publish tries three times.
func Publish(ctx context.Context, ch *amqp.Channel, queue string, body []byte) error {
	// In confirm mode RabbitMQ answers each message. Asking for it again changes nothing.
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	var err error
	for range 3 {
		if err = publish(ctx, ch, queue, body); err == nil {
			return nil
		}
	}
	return err
}

func publish(ctx context.Context, ch *amqp.Channel, queue string, body []byte) error {
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, amqp.Publishing{Body: body})
	if err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
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
