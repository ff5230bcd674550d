// Publish without an error is taken for stored. It says that the bytes were handed to the operating system.
// In production the connection breaks with messages in the socket's buffer, or RabbitMQ refuses one: the caller has
// marked the order as sent, and it is nowhere.
//
// want TestSwallowedMessageIsNoSuccess: "RabbitMQ never got order-7, and Publish returned nil"

package confirm

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Publish believes that written is stored.
func Publish(ctx context.Context, ch *amqp.Channel, queue string, body []byte) error {
	err := ch.PublishWithContext(ctx, "", queue, false, false, amqp.Publishing{Body: body})
	if err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	return nil
}
