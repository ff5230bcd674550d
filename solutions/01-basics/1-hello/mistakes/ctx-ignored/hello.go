// Publish without ctx, as old examples have it.
// In production the request was cancelled and its order withdrawn, and the message is sent all the same: stock is
// reserved for nobody.
//
// want TestNothingIsSentAfterCtxHasEnded: "ctx had ended, and Send sent 1 message"

package hello

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Send sends whatever ctx says.
func Send(ctx context.Context, conn *amqp.Connection, queue, text string) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()

	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	message := amqp.Publishing{ContentType: "text/plain", Body: []byte(text)}
	if err := ch.Publish("", queue, false, false, message); err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	return nil
}
