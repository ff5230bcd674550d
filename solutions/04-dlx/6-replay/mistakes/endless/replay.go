// Goes on until limit is reached or the dead letter queue is empty.
//
// In production: what killed the orders isn't mended. They die again at once, are in the dead letter queue again, and are sent back
// again: the queue is never empty, and with a limit of a million a hundred orders are tried ten thousand times each.
//
// want TestWhatDiesAgainStays: "Replay sent 4"

package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Replays is the header that says how often a message was sent back: an integer, 1 the first time.
const Replays = "replays"

// The headers of 04/4 that matter here. It parks a copy of what failed too often, and a copy has not died: it has no x-death.
const (
	Queue   = "queue"   // where its handler failed, a string
	Attempt = "attempt" // how often it failed. Who has used up all attempts is parked at the next failure
)

// A StuckError names the messages that can't go back. They are still in the dead letter queue.
type StuckError struct{ Messages []Stuck }

// A Stuck is a message that can't go back.
type Stuck struct {
	ID    string // its MessageId
	Queue string // where it died; empty: it doesn't say
	Why   string // for a human
}

// Error names all of them.
func (e *StuckError) Error() string {
	return fmt.Sprintf("%d messages stay in the dead letter queue: %+v", len(e.Messages), e.Messages)
}

// Replay sends up to limit messages of the dead letter queue dlq back to the queues in which they died.
func Replay(ctx context.Context, conn *amqp.Connection, dlq string, limit int) (int, error) {
	if limit < 1 {
		return 0, fmt.Errorf("limit is %d", limit)
	}
	n, err := replayAll(ctx, conn, dlq, limit)
	if stuck := (*StuckError)(nil); err != nil && !errors.As(err, &stuck) {
		err = fmt.Errorf("replay of %s, after %d messages: %w", dlq, n, err)
	}
	return n, err
}

// replayAll sends messages back until none is left, or limit are back.
func replayAll(ctx context.Context, conn *amqp.Connection, dlq string, limit int) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	ch, err := conn.Channel()
	if err != nil {
		return 0, err
	}
	defer ch.Close()
	lost := ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := ch.Confirm(false); err != nil {
		return 0, err
	}
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))

	var stay StuckError
	for n < limit {
		d, more, err := ch.Get(dlq, false)
		if err != nil {
			return n, err
		}
		if !more {
			break // empty: all are back
		}
		queue := whereItDied(d)
		err = publish(ctx, ch, returns, queue, d)
		if no := refusal(""); errors.As(err, &no) {
			stay.Messages = append(stay.Messages, Stuck{d.MessageId, queue, string(no)})
			continue
		}
		if err != nil {
			return n, err
		}
		n++
		if err := d.Ack(false); err != nil {
			return n, err
		}
	}

	if err := ch.Close(); err != nil {
		return n, err
	}
	if err := <-lost; err != nil {
		return n, err
	}
	if len(stay.Messages) > 0 {
		return n, &stay
	}
	return n, nil
}

// A refusal says why a message can't go back.
type refusal string

func (r refusal) Error() string { return string(r) }

// publish sends d to a queue. nil: it is there. A refusal: it isn't.
func publish(ctx context.Context, ch *amqp.Channel, returns <-chan amqp.Return, queue string, d amqp.Delivery) error {
	if queue == "" {
		return refusal("nothing says where it died")
	}
	p := amqp.Publishing{
		ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: d.DeliveryMode, Priority: d.Priority,
		CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, Expiration: d.Expiration, MessageId: d.MessageId,
		Timestamp: d.Timestamp, Type: d.Type, AppId: d.AppId, Body: d.Body, Headers: amqp.Table{},
	}
	for name, value := range d.Headers {
		died := strings.HasPrefix(name, "x-first-death-") || strings.HasPrefix(name, "x-last-death-") || name == "x-death"
		counted := name == "x-delivery-count" || name == "x-acquired-count" || name == Attempt
		if !died && !counted && name != "CC" {
			p.Headers[name] = value
		}
	}
	before, _ := d.Headers[Replays].(int64)
	p.Headers[Replays] = before + 1

	sent, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, p)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-sent.Done():
	}
	select {
	case r, ok := <-returns:
		if ok {
			return refusal(r.ReplyText)
		}
	default:
	}
	if sent.Acked() {
		return nil
	}
	if ch.IsClosed() {
		return amqp.ErrClosed
	}
	return refusal("RabbitMQ said no (nack)")
}

func whereItDied(d amqp.Delivery) string {
	deaths, _ := d.Headers["x-death"].([]any)
	for _, entry := range deaths {
		if death, ok := entry.(amqp.Table); ok {
			queue, _ := death["queue"].(string)
			return queue
		}
	}
	queue, _ := d.Headers[Queue].(string)
	return queue
}
