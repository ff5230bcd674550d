// The next confirm that comes is taken for the one that was waited for.
// In production one message timed out; its ack comes late, while the next call waits, which takes it for its own. From
// then on each answer belongs to the message before, and the one that was refused is reported as stored.
//
// want TestLateAnswerCountsForNoOther: "took it for the answer to order-8"

package confirm

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Publish takes the first confirm that comes.
func Publish(ctx context.Context, ch *amqp.Channel, queue string, body []byte) error {
	// In confirm mode RabbitMQ answers each message. Asking for it again changes nothing.
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	answers := ch.NotifyPublish(make(chan amqp.Confirmation, 1))
	defer func() {
		go func() { // take what else comes, or it would hold up the connection
			for range answers {
			}
		}()
	}()
	err := ch.PublishWithContext(ctx, "", queue, false, false, amqp.Publishing{Body: body})
	if err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for the confirm of a message to queue %q: %w", queue, ctx.Err())
	case answer := <-answers:
		if !answer.Ack {
			return fmt.Errorf("publish to queue %q: not confirmed", queue)
		}
		return nil
	}
}
