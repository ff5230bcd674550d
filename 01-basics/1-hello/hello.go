// Package hello sends the shop's first message: an order asks the inventory to reserve stock. It neither connects nor
// receives.
package hello

import (
	"context"

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
	// TODO(01/1): open a channel on conn, declare the queue, publish the text.
	return notDone
}
