// Leaves behind what RabbitMQ wrote, and keeps what the shop wrote, attempts among it: they are its own history.
//
// In production: all four attempts of an order are used up. It goes back, the carrier doesn't answer once more for a second, and 04/4
// parks it at once: nobody tries it later, and each replay saves only what works at the first go.
//
// want TestParkedCopiesGoBack: "order-7 went back, and arrived with header attempt: 4"

package replay

import (
	"context"
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
	Queue string // where it died or failed; empty: it doesn't say
	Why   string // for a human
}

// Error names all of them.
func (e *StuckError) Error() string {
	return fmt.Sprintf("%d messages stay in the dead letter queue: %+v", len(e.Messages), e.Messages)
}

// Replay sends up to limit messages of the dead letter queue dlq back to the queues in which they died.
func Replay(ctx context.Context, conn *amqp.Connection, dlq string, limit int) (int, error) {
	if limit < 1 {
		return 0, fmt.Errorf("replay %s: limit is %d, must be at least 1", dlq, limit)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("replay %s: %w", dlq, err)
	}
	ch, err := conn.Channel()
	if err != nil {
		return 0, fmt.Errorf("replay %s: %w", dlq, err)
	}
	moved, stuck, err := replay(ctx, ch, dlq, limit)
	if err == nil {
		_, err = ch.QueueDeclarePassive(dlq, true, false, false, false, nil) // answered after all acks before it
	}
	if cerr := ch.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return moved, fmt.Errorf("replay %s: %w", dlq, err)
	}
	if len(stuck) > 0 {
		return moved, &StuckError{stuck}
	}
	return moved, nil
}

func replay(ctx context.Context, ch *amqp.Channel, dlq string, limit int) (moved int, stuck []Stuck, err error) {
	if err := ch.Confirm(false); err != nil {
		return 0, nil, err
	}
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	q, err := ch.QueueDeclarePassive(dlq, true, false, false, false, nil)
	if err != nil {
		return 0, nil, err
	}
	for seen := 0; seen < q.Messages && moved < limit; seen++ {
		if err := ctx.Err(); err != nil {
			return moved, stuck, err
		}
		d, ok, err := ch.Get(dlq, false)
		if err != nil {
			return moved, stuck, err
		}
		if !ok {
			break
		}
		queue := target(d.Headers)
		if queue == "" {
			stuck = append(stuck, Stuck{d.MessageId, "", "it doesn't say where it died"})
			continue
		}
		conf, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, again(d))
		if err != nil {
			return moved, stuck, err
		}
		acked, err := conf.WaitContext(ctx)
		if err != nil {
			return moved, stuck, err
		}
		if ch.IsClosed() {
			if acked {
				moved++
			}
			return moved, stuck, amqp.ErrClosed
		}
		if !acked {
			stuck = append(stuck, Stuck{d.MessageId, queue, "RabbitMQ refused it"})
			continue
		}
		select {
		case r := <-returns:
			stuck = append(stuck, Stuck{d.MessageId, queue, r.ReplyText})
			continue
		default:
		}
		moved++
		if err := d.Ack(false); err != nil {
			return moved, stuck, err
		}
	}
	return moved, stuck, nil
}

func target(h amqp.Table) string {
	if deaths, _ := h["x-death"].([]interface{}); len(deaths) > 0 {
		if t, ok := deaths[0].(amqp.Table); ok {
			if q, _ := t["queue"].(string); q != "" {
				return q
			}
		}
	}
	q, _ := h[Queue].(string)
	return q
}

func again(d amqp.Delivery) amqp.Publishing {
	h := amqp.Table{}
	for k, v := range d.Headers {
		switch {
		case k == "x-death", k == "x-delivery-count", k == "x-acquired-count", k == "CC",
			strings.HasPrefix(k, "x-first-death-"), strings.HasPrefix(k, "x-last-death-"):
		default:
			h[k] = v
		}
	}
	h[Replays] = count(d.Headers[Replays]) + 1
	return amqp.Publishing{
		Headers: h, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: d.DeliveryMode,
		Priority: d.Priority, CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, Expiration: d.Expiration,
		MessageId: d.MessageId, Timestamp: d.Timestamp, Type: d.Type, AppId: d.AppId, Body: d.Body,
	}
}

func count(v interface{}) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case int32:
		return int64(n)
	case int16:
		return int64(n)
	case int:
		return int64(n)
	}
	return 0
}
