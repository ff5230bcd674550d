// Publishes in confirm mode, acks, and waits for the confirm then: the message is on its way already, so why lose time?
//
// In production: the connection breaks, or RabbitMQ can't store the message (nack), after the dead letter queue has forgotten it. The
// confirm is awaited, and nothing can be done with it.
//
// want TestUnconfirmedStays: "order-1 is nowhere"

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
		return 0, errors.New("limit must be positive")
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("replay %q: %w", dlq, err)
	}
	ch, err := conn.Channel()
	if err != nil {
		return 0, err
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	m := mover{ch: ch, from: dlq, returned: ch.NotifyReturn(make(chan amqp.Return, 1))}
	err = m.moveUpTo(ctx, limit)
	err = errors.Join(err, ch.Close()) // gives back what got no answer
	if lost := <-closed; lost != nil {
		err = errors.Join(err, lost)
	}
	if err == nil && len(m.stuck) > 0 {
		err = &StuckError{m.stuck}
	}
	return m.moved, err
}

// A mover takes messages out of one queue, and sends them where they came from.
type mover struct {
	ch       *amqp.Channel
	from     string
	returned chan amqp.Return
	moved    int
	stuck    []Stuck
}

func (m *mover) moveUpTo(ctx context.Context, limit int) error {
	if err := m.ch.Confirm(false); err != nil {
		return err
	}
	queue, err := m.ch.QueueDeclarePassive(m.from, true, false, false, false, nil)
	if err != nil {
		return err
	}
	for left := queue.Messages; left > 0 && m.moved < limit; left-- {
		if ctx.Err() != nil {
			return fmt.Errorf("replay of %s ended: %w", m.from, ctx.Err())
		}
		d, found, err := m.ch.Get(m.from, false)
		if err != nil || !found {
			return err
		}
		if err := m.move(ctx, d); err != nil {
			return fmt.Errorf("move %s: %w", d.MessageId, err)
		}
	}
	return nil
}

// move publishes a message and acks it. While RabbitMQ works on both, it waits for the confirm.
func (m *mover) move(ctx context.Context, d amqp.Delivery) error {
	to := home(d)
	if to == "" {
		m.stuck = append(m.stuck, Stuck{ID: d.MessageId, Why: "no x-death, no queue"})
		return nil
	}
	confirm, err := m.ch.PublishWithDeferredConfirmWithContext(ctx, "", to, true, false, fresh(d))
	if err != nil {
		return err
	}
	if err := d.Ack(false); err != nil {
		return err
	}
	stored, err := confirm.WaitContext(ctx)
	switch {
	case err != nil:
		return err
	case len(m.returned) > 0:
		m.stuck = append(m.stuck, Stuck{d.MessageId, to, (<-m.returned).ReplyText})
	case stored:
		m.moved++
	case m.ch.IsClosed():
		return amqp.ErrClosed
	default:
		m.stuck = append(m.stuck, Stuck{d.MessageId, to, "nack"})
	}
	return nil
}

func home(d amqp.Delivery) string {
	if deaths, ok := d.Headers["x-death"].([]any); ok && len(deaths) > 0 {
		if death, ok := deaths[0].(amqp.Table); ok {
			if queue, ok := death["queue"].(string); ok {
				return queue
			}
		}
	}
	queue, _ := d.Headers[Queue].(string)
	return queue
}

// fresh is d without its history.
func fresh(d amqp.Delivery) amqp.Publishing {
	p := amqp.Publishing{
		Headers: amqp.Table{Replays: int64(1)}, Body: d.Body, MessageId: d.MessageId, CorrelationId: d.CorrelationId,
		ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: d.DeliveryMode, Priority: d.Priority,
		ReplyTo: d.ReplyTo, Expiration: d.Expiration, Timestamp: d.Timestamp, Type: d.Type, AppId: d.AppId,
	}
	for name, value := range d.Headers {
		switch {
		case name == Replays:
			if n, ok := value.(int64); ok {
				p.Headers[Replays] = n + 1
			}
		case name == "CC", name == Attempt, name == "x-death", name == "x-delivery-count", name == "x-acquired-count":
		case strings.HasPrefix(name, "x-first-death-"), strings.HasPrefix(name, "x-last-death-"):
		default:
			p.Headers[name] = value
		}
	}
	return p
}
