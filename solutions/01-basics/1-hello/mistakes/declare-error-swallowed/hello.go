// The error of QueueDeclare is thrown away.
// In production somebody made the queue with other properties; RabbitMQ says so (406) and closes the channel. What is
// returned is the error of the next step, "channel is not open": the reason is gone, and the search takes all night.
//
// want TestConflictIsNamed: "Send's error doesn't say so"

package hello

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Send takes it for granted that the queue could be declared.
func Send(ctx context.Context, conn *amqp.Connection, queue, text string) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()

	ch.QueueDeclare(queue, true, false, false, false, nil)
	message := amqp.Publishing{ContentType: "text/plain", Body: []byte(text)}
	if err := ch.PublishWithContext(ctx, "", queue, false, false, message); err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	return nil
}
