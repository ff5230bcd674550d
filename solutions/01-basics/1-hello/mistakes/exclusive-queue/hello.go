// Four booleans in a row, and the wrong one is true: exclusive instead of durable.
// In production the queue belongs to this connection: the inventory may not consume from it (405), and it is deleted
// with its messages when the sender goes.
//
// want TestMessageArrives: "there is no queue inventory.commands"

package hello

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Send declares a queue of its own connection.
func Send(ctx context.Context, conn *amqp.Connection, queue, text string) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()

	if _, err := ch.QueueDeclare(queue, true, false, true, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	message := amqp.Publishing{ContentType: "text/plain", Body: []byte(text)}
	if err := ch.PublishWithContext(ctx, "", queue, false, false, message); err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	return nil
}
