// Package audit says whether the shop has kept its word: no money and no goods are lost or twice there, no event is without
// consequence, nothing is left over. It judges when the shop rests, from what each service tells (Facts): eight databases have
// no moment in common.
package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/06-services/bus"
	"warren.example/06-services/events"
)

// An Entry is a message on the audit stream. (Only events are there. A binding for commands would be easy, and wrong: a command
// whose queue is missing would count as routed, and be lost.)
type Entry struct {
	Offset int64 // later entries have higher ones, but not always the next
	events.Message
}

// mark is the type of the message that tells where the stream ends. No service hears of it.
const mark = "audit.mark"

// Read calls fn for each entry of the audit stream from an offset on, in order, up to those that were there when it was called,
// and returns the offset to go on from. 0 is the first entry there ever was; entries that are too old are left out.
//   - fn returns an error: Read returns it, wrapped, and the offset of the same entry.
//   - The stream is not there, or the connection is lost: an error.
//   - ctx ends: an error that wraps its own.
//
// RabbitMQ doesn't say over AMQP 0-9-1 where a stream ends. So Read writes a mark into it and reads until that comes.
func Read(ctx context.Context, conn *amqp.Connection, from int64, fn func(Entry) error) (next int64, err error) {
	ch, err := conn.Channel()
	if err != nil {
		return from, fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	end, err := writeMark(ctx, ch)
	if err != nil {
		return from, fmt.Errorf("mark the end of %s: %w", bus.Audit, err)
	}
	if err := ch.Qos(100, 0, false); err != nil { // a stream wants a limit
		return from, fmt.Errorf("limit what %s sends ahead: %w", bus.Audit, err)
	}
	deliveries, err := ch.ConsumeWithContext(ctx, bus.Audit, "", false, false, false, false, amqp.Table{"x-stream-offset": from})
	if err != nil {
		return from, fmt.Errorf("read %s: %w", bus.Audit, err)
	}
	for next = from; ; {
		select {
		case <-ctx.Done():
			return next, fmt.Errorf("read %s: %w", bus.Audit, ctx.Err())
		case d, ok := <-deliveries:
			if !ok {
				return next, fmt.Errorf("read %s: the connection is lost, or the stream", bus.Audit)
			}
			offset, ok := d.Headers["x-stream-offset"].(int64)
			if !ok {
				return next, fmt.Errorf("%s is no stream", bus.Audit)
			}
			if d.MessageId == end {
				return offset + 1, nil
			}
			if d.Type != mark {
				if err := fn(entry(offset, d)); err != nil {
					return next, fmt.Errorf("entry %d of %s: %w", offset, bus.Audit, err)
				}
			}
			next = offset + 1
			if err := d.Ack(false); err != nil { // it forgets nothing: it asks for more
				return next, fmt.Errorf("ask %s for more: %w", bus.Audit, err)
			}
		}
	}
}

// writeMark puts a mark at the end of the stream and returns its message id. What RabbitMQ has confirmed before is in front of
// it.
func writeMark(ctx context.Context, ch *amqp.Channel) (id string, err error) {
	if err := ch.Confirm(false); err != nil {
		return "", err
	}
	returned := ch.NotifyReturn(make(chan amqp.Return, 1))
	id = uuid.NewString()
	confirmed, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", bus.Audit, true, false,
		amqp.Publishing{MessageId: id, Type: mark, DeliveryMode: amqp.Persistent, Timestamp: time.Now()})
	if err != nil {
		return "", err
	}
	ok, err := confirmed.WaitContext(ctx)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "", errors.New("RabbitMQ refuses it")
	}
	select {
	case <-returned: // comes before the confirm (https://www.rabbitmq.com/docs/confirms)
		return "", errors.New("there is no such stream")
	default:
		return id, nil
	}
}

// entry takes a message as it is: it is the auditor who finds fault.
func entry(offset int64, d amqp.Delivery) Entry {
	m := events.Message{ID: d.MessageId, Type: d.Type, Service: d.AppId, Correlation: d.CorrelationId, Time: d.Timestamp,
		Body: d.Body}
	if n, ok := d.Headers["schema-version"].(int64); ok {
		m.Schema = int(n)
	}
	m.Cause, _ = d.Headers["causation-id"].(string)
	m.Version, _ = d.Headers["aggregate-version"].(int64)
	return Entry{Offset: offset, Message: m}
}
