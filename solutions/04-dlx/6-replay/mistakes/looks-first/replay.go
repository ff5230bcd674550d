// Asks RabbitMQ whether the queue is there, and publishes then. So nothing is returned, and mandatory isn't needed.
//
// In production: the queue is deleted between question and publish. RabbitMQ confirms what no queue takes: acked, and gone.
//
// want TestQueueDeletedOnTheWay: "shop.dead has []"

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
		return 0, fmt.Errorf("replay %q: limit %d", dlq, limit)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("replay %q: %w", dlq, err)
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
	q, err := ch.QueueDeclarePassive(dlq, true, false, false, false, nil)
	if err != nil {
		return 0, err
	}
	moved := 0
	report := &StuckError{}
	for n := q.Messages; n > 0 && moved < limit; n-- {
		if ctx.Err() != nil {
			return moved, ctx.Err()
		}
		d, ok, err := ch.Get(dlq, false)
		if err != nil || !ok {
			return moved, err
		}
		queue := diedIn(d.Headers)
		there, err := exists(conn, queue)
		if err != nil {
			return moved, err
		}
		if !there {
			report.Messages = append(report.Messages, Stuck{ID: d.MessageId, Queue: queue, Why: "no such queue"})
			continue
		}
		confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, again(d))
		if err != nil {
			return moved, err
		}
		acked, err := confirmation.WaitContext(ctx)
		switch {
		case err != nil:
			return moved, err
		case !acked && ch.IsClosed():
			return moved, amqp.ErrClosed
		case !acked:
			report.Messages = append(report.Messages, Stuck{ID: d.MessageId, Queue: queue, Why: "refused"})
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
	if err := <-lost; err != nil {
		return moved, err
	}
	if len(report.Messages) > 0 {
		return moved, report
	}
	return moved, nil
}

// exists asks on a channel of its own: RabbitMQ closes it when there is no such queue.
func exists(conn *amqp.Connection, queue string) (bool, error) {
	if queue == "" {
		return false, nil
	}
	ch, err := conn.Channel()
	if err != nil {
		return false, err
	}
	defer ch.Close()
	_, err = ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	var refused *amqp.Error
	if errors.As(err, &refused) && refused.Code == amqp.NotFound {
		return false, nil
	}
	return err == nil, err
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
