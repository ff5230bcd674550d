// A message that can't go back ends the replay with an error: somebody has to look at it first.
//
// In production: someone has once put a message into the dead letter queue by hand. It is at the head, no replay comes past it, and a
// hundred orders that could go back stay dead.
//
// want TestStuckStayAndOthersGo: "Replay moved 0 of two"

package replay

import (
	"context"
	"fmt"
	"maps"
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
		return 0, fmt.Errorf("replay %q: the limit is %d, and must be at least 1", dlq, limit)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("replay %q: %w", dlq, err)
	}
	ch, err := conn.Channel()
	if err != nil {
		return 0, fmt.Errorf("replay %q: open a channel: %w", dlq, err)
	}
	defer ch.Close() // what has no ack is in dlq again with this
	lost := ch.NotifyClose(make(chan *amqp.Error, 1))
	returns := ch.NotifyReturn(make(chan amqp.Return, 1)) // one message is under way at a time
	if err := ch.Confirm(false); err != nil {
		return 0, fmt.Errorf("replay %q: select confirm mode: %w", dlq, err)
	}
	begin, err := ch.QueueDeclarePassive(dlq, true, false, false, false, nil)
	if err != nil {
		return 0, fmt.Errorf("replay %q: %w", dlq, err)
	}

	moved := 0
	for seen := 0; seen < begin.Messages && moved < limit; seen++ {
		if err := ctx.Err(); err != nil {
			return moved, fmt.Errorf("replay %q: %w", dlq, err)
		}
		d, ok, err := ch.Get(dlq, false)
		if err != nil {
			return moved, fmt.Errorf("replay %q: %w", dlq, err)
		}
		if !ok {
			break // somebody else has taken some
		}
		queue := diedIn(d.Headers)
		why, err := sendBack(ctx, ch, returns, queue, d)
		if err != nil {
			return moved, fmt.Errorf("replay %q to %q: %w", d.MessageId, queue, err)
		}
		if why != "" {
			return moved, &StuckError{Messages: []Stuck{{ID: d.MessageId, Queue: queue, Why: why}}}
		}
		moved++
		if err := d.Ack(false); err != nil {
			return moved, fmt.Errorf("take %q out of %q: %w", d.MessageId, dlq, err)
		}
	}

	// An answer that was written may still be on its way. RabbitMQ confirms the end of the channel after all that came before.
	if err := ch.Close(); err != nil {
		return moved, fmt.Errorf("replay %q: close the channel: %w", dlq, err)
	}
	if err := <-lost; err != nil {
		return moved, fmt.Errorf("replay %q: the last answers may be lost: %w", dlq, err)
	}
	return moved, nil
}

// sendBack publishes a message to its queue, and waits until RabbitMQ has it there. Why says that it isn't there; an error, that
// nobody knows.
func sendBack(ctx context.Context, ch *amqp.Channel, returns <-chan amqp.Return, queue string, d amqp.Delivery) (why string, err error) {
	if queue == "" {
		return "it doesn't say where", nil
	}
	const mandatory = true // give it back if there is no such queue
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, mandatory, false, again(d))
	if err != nil {
		return "", err
	}
	acked, err := confirmation.WaitContext(ctx)
	if err != nil {
		return "", err
	}
	select {
	case r, ok := <-returns: // it comes before the confirm
		if ok {
			return r.ReplyText, nil
		}
	default:
	}
	if !acked && ch.IsClosed() {
		return "", amqp.ErrClosed
	}
	if !acked {
		return "RabbitMQ refuses it", nil
	}
	return "", nil
}

// diedIn returns the queue of the latest death, or where 04/4 gave up; "" if headers don't tell.
func diedIn(headers amqp.Table) string {
	if deaths, _ := headers["x-death"].([]any); len(deaths) > 0 {
		last, _ := deaths[0].(amqp.Table)
		if queue, ok := last["queue"].(string); ok {
			return queue
		}
	}
	queue, _ := headers[Queue].(string)
	return queue
}

// again returns a delivered message as it is published once more.
func again(d amqp.Delivery) amqp.Publishing {
	headers := maps.Clone(d.Headers)
	maps.DeleteFunc(headers, func(name string, _ any) bool {
		switch name {
		case "x-death", "x-delivery-count", "x-acquired-count", "CC", Attempt:
			return true
		}
		return strings.HasPrefix(name, "x-first-death-") || strings.HasPrefix(name, "x-last-death-")
	})
	replays, _ := headers[Replays].(int64)
	headers[Replays] = replays + 1
	return amqp.Publishing{
		Headers:         headers,
		ContentType:     d.ContentType,
		ContentEncoding: d.ContentEncoding,
		DeliveryMode:    d.DeliveryMode,
		Priority:        d.Priority,
		CorrelationId:   d.CorrelationId,
		ReplyTo:         d.ReplyTo,
		Expiration:      d.Expiration,
		MessageId:       d.MessageId,
		Timestamp:       d.Timestamp,
		Type:            d.Type,
		AppId:           d.AppId,
		Body:            d.Body,
	}
}
