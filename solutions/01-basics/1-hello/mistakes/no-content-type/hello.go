// The message does not say what it is.
// In production a consumer in another language, or the management UI, has to guess whether these bytes are text, JSON
// or a picture. The day the format changes, old and new messages look the same.
//
// want TestMessageIsText: "content type \"\""

package hello

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Send sends bytes.
func Send(ctx context.Context, conn *amqp.Connection, queue, text string) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()

	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	message := amqp.Publishing{Body: []byte(text)}
	if err := ch.PublishWithContext(ctx, "", queue, false, false, message); err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	return nil
}
