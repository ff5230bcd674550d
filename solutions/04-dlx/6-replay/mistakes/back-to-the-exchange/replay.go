// Publishes as it was published the first time: x-death knows the exchange and the routing key.
//
// In production: the exchange is asked again who wants it. Billing got the order too, and did not fail: the customer is charged a second
// time, because the warehouse had a problem.
//
// want TestOthersHearNothing: "billing.commands has [\"order-7\""

package replay

import (
	"context"
	"fmt"
	"slices"
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
		return 0, fmt.Errorf("can't replay %d messages", limit)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("replay %q: %w", dlq, err)
	}
	ch, err := conn.Channel()
	if err != nil {
		return 0, fmt.Errorf("open channel: %w", err)
	}
	defer ch.Close()
	state, err := ch.QueueDeclarePassive(dlq, true, false, false, false, nil)
	if err != nil {
		return 0, fmt.Errorf("look at %s: %w", dlq, err)
	}
	if err := ch.Confirm(false); err != nil {
		return 0, fmt.Errorf("switch confirms on: %w", err)
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, 1))
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))

	moved, stuck := 0, []Stuck(nil)
	for range state.Messages {
		if moved == limit {
			break
		}
		if ctx.Err() != nil {
			return moved, fmt.Errorf("stopped: %w", ctx.Err())
		}
		d, ok, err := ch.Get(dlq, false)
		if err != nil {
			return moved, fmt.Errorf("read %s: %w", dlq, err)
		}
		if !ok {
			break
		}
		from, known := latest(d.Headers)
		if !known {
			stuck = append(stuck, Stuck{ID: d.MessageId, Why: "its origin is unknown"})
			continue
		}
		if err := ch.PublishWithContext(ctx, from.exchange, from.key, true, false, copyOf(d)); err != nil {
			return moved, fmt.Errorf("publish to exchange %q: %w", from.exchange, err)
		}
		why := ""
		select {
		case c, open := <-confirms:
			if !open {
				return moved, fmt.Errorf("wait for confirm: %w", amqp.ErrClosed)
			}
			if !c.Ack {
				why = "refused"
			}
		case <-ctx.Done():
			return moved, fmt.Errorf("stopped: %w", ctx.Err())
		}
		select {
		case r, open := <-returns:
			if open {
				why = r.ReplyText
			}
		default:
		}
		if why != "" {
			stuck = append(stuck, Stuck{ID: d.MessageId, Queue: from.queue, Why: why})
			continue
		}
		moved++
		if err := ch.Ack(d.DeliveryTag, false); err != nil {
			return moved, fmt.Errorf("ack: %w", err)
		}
	}

	if err := ch.Close(); err != nil {
		return moved, fmt.Errorf("close channel: %w", err)
	}
	if lost, ok := <-closed; ok {
		return moved, fmt.Errorf("channel lost: %w", lost)
	}
	if stuck != nil {
		return moved, &StuckError{Messages: stuck}
	}
	return moved, nil
}

// An origin is where a message was, and the exchange and routing key that brought it there.
type origin struct{ queue, exchange, key string }

func latest(headers amqp.Table) (origin, bool) {
	if deaths, _ := headers["x-death"].([]any); len(deaths) > 0 {
		if death, isTable := deaths[0].(amqp.Table); isTable {
			var o origin
			o.queue, _ = death["queue"].(string)
			o.exchange, _ = death["exchange"].(string)
			if keys, _ := death["routing-keys"].([]any); len(keys) > 0 {
				o.key, _ = keys[0].(string)
			}
			return o, o.queue != ""
		}
	}
	queue, isText := headers[Queue].(string)
	return origin{queue: queue, key: queue}, isText
}

var history = []string{"CC", Attempt, "x-death", "x-delivery-count", "x-acquired-count"}

func copyOf(d amqp.Delivery) amqp.Publishing {
	n, _ := d.Headers[Replays].(int64)
	headers := amqp.Table{}
	for name, value := range d.Headers {
		if !slices.Contains(history, name) && !strings.HasPrefix(name, "x-first-death-") && !strings.HasPrefix(name, "x-last-death-") {
			headers[name] = value
		}
	}
	headers[Replays] = n + 1
	return amqp.Publishing{
		Headers: headers, Body: d.Body, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding,
		DeliveryMode: d.DeliveryMode, Priority: d.Priority, CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo,
		Expiration: d.Expiration, MessageId: d.MessageId, Timestamp: d.Timestamp, Type: d.Type, AppId: d.AppId,
	}
}
