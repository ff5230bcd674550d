// The queue is not durable. It works, on the day it is written.
// In production a restart of the broker deletes the queue with all that waits in it. RabbitMQ 4.3 doesn't even make
// such a queue any more: it answers 541 and closes the whole connection.
//
// want TestQueueOutlivesBrokerAndSender: "durable=false"

package hello

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Send declares a queue that goes when the broker does.
func Send(ctx context.Context, conn *amqp.Connection, queue, text string) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()

	if _, err := ch.QueueDeclare(queue, false, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	message := amqp.Publishing{ContentType: "text/plain", Body: []byte(text)}
	if err := ch.PublishWithContext(ctx, "", queue, false, false, message); err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	return nil
}
