// Takes all it needs out of the dead letter queue first, with auto-ack: a list in memory is easier to work with.
//
// In production: the process is killed in the middle, and what was still in the list is nowhere. RabbitMQ forgot it when it
// sent it.
//
// want TestKilledProcessLosesNothing: "order-3 is nowhere"

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
		return 0, fmt.Errorf("limit must be at least 1, not %d", limit)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("replay %q: %w", dlq, err)
	}
	ch, err := conn.Channel()
	if err != nil {
		return 0, err
	}
	defer ch.Close()
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	if err := ch.Confirm(false); err != nil {
		return 0, err
	}
	var all []amqp.Delivery
	for len(all) < limit {
		d, ok, err := ch.Get(dlq, true)
		if err != nil {
			return 0, fmt.Errorf("read %q: %w", dlq, err)
		}
		if !ok {
			break
		}
		all = append(all, d)
	}

	moved := 0
	var stuck []Stuck
	for _, d := range all {
		queue := diedIn(d.Headers)
		why, err := sendBack(ctx, ch, returns, queue, d)
		if err != nil {
			return moved, fmt.Errorf("send %q to %q: %w", d.MessageId, queue, err)
		}
		if why == "" {
			moved++
			continue
		}
		stuck = append(stuck, Stuck{ID: d.MessageId, Queue: queue, Why: why})
		if err := ch.PublishWithContext(ctx, "", dlq, false, false, again(d)); err != nil {
			return moved, fmt.Errorf("put %q back: %w", d.MessageId, err)
		}
	}
	if len(stuck) > 0 {
		return moved, &StuckError{Messages: stuck}
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
