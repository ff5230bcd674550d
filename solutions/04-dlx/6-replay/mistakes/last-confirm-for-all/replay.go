// Sends a whole batch, and waits for the confirm of the last message: by then RabbitMQ has those before it too.
//
// In production: confirms come in any order, for each queue takes its own time. The last message is confirmed, all are acked, the node
// dies, and those that were not yet on its disk are nowhere.
//
// want TestUnconfirmedStays: "order-1 is nowhere"

package replay

import (
	"context"
	"errors"
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
		return 0, errors.New("limit must be at least 1")
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("replay %q: %w", dlq, err)
	}
	ch, err := conn.Channel()
	if err != nil {
		return 0, err
	}
	defer ch.Close()
	if err := ch.Confirm(false); err != nil {
		return 0, err
	}
	state, err := ch.QueueDeclarePassive(dlq, true, false, false, false, nil)
	if err != nil {
		return 0, err
	}
	n := min(limit, state.Messages)
	returns := ch.NotifyReturn(make(chan amqp.Return, n+1))

	var sent []amqp.Delivery
	var last *amqp.DeferredConfirmation
	report := &StuckError{}
	for range n {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("replay %q: %w", dlq, err)
		}
		d, ok, err := ch.Get(dlq, false)
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		queue := diedIn(d.Headers)
		if queue == "" {
			report.Messages = append(report.Messages, Stuck{ID: d.MessageId, Why: "no x-death"})
			continue
		}
		if last, err = ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, again(d)); err != nil {
			return 0, err
		}
		sent = append(sent, d)
	}
	if last != nil {
		if acked, err := last.WaitContext(ctx); err != nil || !acked {
			return 0, fmt.Errorf("replay %q: not confirmed: %w", dlq, err)
		}
	}

	back := make(map[string]bool)
	for len(returns) > 0 {
		r := <-returns
		back[r.MessageId] = true
		report.Messages = append(report.Messages, Stuck{ID: r.MessageId, Queue: r.RoutingKey, Why: r.ReplyText})
	}
	moved := 0
	for _, d := range sent {
		if back[d.MessageId] {
			continue
		}
		moved++
		if err := d.Ack(false); err != nil {
			return moved, err
		}
	}
	if err := ch.Close(); err != nil {
		return moved, err
	}
	if len(report.Messages) > 0 {
		return moved, report
	}
	return moved, nil
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
