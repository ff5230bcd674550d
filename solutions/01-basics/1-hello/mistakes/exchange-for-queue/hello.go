// The queue's name is given as the exchange, and the routing key is empty.
// In production PublishWithContext returns nil, for it only writes. RabbitMQ finds no such exchange, answers 404 and
// closes the channel; nobody listens any more. Every order is lost, and every log says "sent".
//
// want TestMessageArrives: "its message is not in inventory.commands"

package hello

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Send publishes to an exchange that does not exist.
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
	if err := ch.PublishWithContext(ctx, queue, "", false, false, message); err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	return nil
}
