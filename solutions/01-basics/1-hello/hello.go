// Package hello sends the shop's first message: an order asks the inventory to reserve stock. It neither connects nor
// receives.
package hello

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Send puts text into queue, where it waits until somebody takes it.
//   - The queue is made if it isn't there: durable (it outlives a restart of the broker) and open to everybody, neither
//     exclusive nor auto-delete. If it is there already, nothing changes.
//   - text arrives unchanged, and marked as text: its content type is text/plain.
//   - Something fails: the error says at which step, and wraps the cause. If RabbitMQ says no, that is an *amqp.Error
//     with its reply code, such as 406 when the queue is there with other properties.
//   - ctx has ended before the message is sent: its error is returned and nothing is sent.
//   - What Send opens it closes, however it ends. conn is the caller's and stays open.
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
	if err := ch.PublishWithContext(ctx, "", queue, false, false, message); err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	return nil
}
