// Package retry tries again later what failed: after a minute, after ten, after an hour. What fails after the last wait is
// parked for people to look at. It handles no message itself, and gives none up.
package retry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The headers that Retry writes. Whatever else is in the headers stays.
const (
	Attempt = "attempt" // how often the message has failed, an int64
	Cause   = "cause"   // of what it failed last, a string
	Queue   = "queue"   // where it failed, a string: a parked copy has no x-death, and 04/6 sends it back there
)

// A Plan says how long the messages of a queue wait before they are tried again.
//
//	                              ╭─────────────────────╮
//	╭─────── 1st failure ────────▶│ <Queue>.retry.1m0s  ├─── after a minute at most ──────╮
//	│                             ╰─────────────────────╯                                 │
//	│                             ╭─────────────────────╮                                 ▼
//	├─────── 2nd failure ────────▶│ <Queue>.retry.10m0s ├─── after ten at most ───────▶ Queue
//	│                             ╰─────────────────────╯
//	│                             ╭─────────────────────╮
//	╰─ failure after the last ───▶│ <Queue>.parked      │    until somebody takes it
//	                              ╰─────────────────────╯
type Plan struct {
	Queue string          // where messages fail, and where they come back to. It is the caller's
	Steps []time.Duration // how long they wait at most, after the first failure first. None: the first failure parks
}

// Declare makes a queue for each step, and one for what is parked. They are named as drawn above, with the step as
// time.Duration prints it; equal steps share a queue.
//   - All are durable quorum queues. A restart and the death of a node lose nothing that is in them.
//   - No message waits in a step's queue longer than the step, whatever it says itself (x-message-ttl).
//   - What has waited goes back to Queue, and to no other: through the default exchange, not through the one it first came by.
//   - It leaves the step's queue only when Queue has it. That takes x-dead-letter-strategy "at-least-once" together with
//     x-overflow "reject-publish" (rabbitmq.com/docs/quorum-queues#dead-lettering). RabbitMQ's default forgets it first.
//   - Nothing else takes a message out: no length, no end of an unused queue; and no time, once it is parked.
//   - What is parked stays, however often somebody looks at it and gives it back. RabbitMQ counts how often it came
//     back: over 20 RabbitMQ 4 drops it, unless the queue says otherwise (x-delivery-limit). RabbitMQ 3 never does.
//   - Queue itself is neither declared nor changed.
//   - A step below a millisecond: an error, and nothing is declared.
//   - Calling it again changes nothing. A queue is there and differs: an error that wraps RabbitMQ's *amqp.Error (406).
func (p Plan) Declare(ch *amqp.Channel) error {
	for _, step := range p.Steps {
		if step < time.Millisecond {
			return fmt.Errorf("a step of %v: it must be a millisecond at least", step)
		}
	}
	for _, step := range p.Steps {
		args := amqp.Table{
			"x-queue-type":              "quorum",
			"x-message-ttl":             step.Milliseconds(),
			"x-dead-letter-exchange":    "", // the default exchange leads to the queue that the key names
			"x-dead-letter-routing-key": p.Queue,
			"x-dead-letter-strategy":    "at-least-once",
			"x-overflow":                "reject-publish",
		}
		if err := declare(ch, p.waiting(step), args); err != nil {
			return err
		}
	}
	return declare(ch, p.parked(), amqp.Table{
		"x-queue-type":     "quorum",
		"x-delivery-limit": math.MaxInt32, // each look counts, and RabbitMQ 4 would throw it out after 20
	})
}

func declare(ch *amqp.Channel, queue string, args amqp.Table) error {
	if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	return nil
}

func (p Plan) waiting(step time.Duration) string { return fmt.Sprintf("%s.retry.%v", p.Queue, step) }
func (p Plan) parked() string                    { return p.Queue + ".parked" }

// Retry sends d, a message of Queue whose handler failed with cause, to the queue of its next step, and acks d. After the last
// step it sends it to the parked queue.
//   - nil means: that queue has the message, RabbitMQ has said so (confirm), and after that d was acked, d alone.
//   - Wherever the process dies, or the connection breaks, the message is in one of the queues. It may be in two: whoever
//     handles it has to bear that (05/5).
//   - RabbitMQ refuses it, that queue does not exist (any more), or the connection is lost before the confirm: an error. ctx ends
//     while it waits for the confirm: an error that wraps ctx's. With an error before the confirm, d has no answer: the
//     caller may call Retry with it again, or give it back.
//   - The ack can't be sent, since d's channel is gone: an error. RabbitMQ delivers d again, and the message is there twice.
//   - How often it failed is counted in the header Attempt, which becomes 1 with the first failure. An int64 and an int32 count,
//     which is what others write; anything else there, or a number below 1, counts as no failure yet. If it has failed
//     more often than there are steps (there were more last year), it is parked. RabbitMQ's own counts, x-death and
//     x-delivery-count, count nothing here: they say how often it died or came back, not how often it failed.
//   - How long it waits is drawn from random, which is at least 0 and below 1, as rand.Float64 gives it: half the step for 0, and
//     evenly more up to the step. That is its expiration, in milliseconds. RabbitMQ looks at the head of a queue only: behind a
//     message that waits longer it waits with that one. No longer than its step, though: that one came first.
//     So of two that failed together, the second comes back later only if it drew more, which is every other time. A crowd
//     that fails at once comes back nearly at once, near the end of the step.
//   - Body, properties and headers stay as they were, the trace among them. Headers Attempt, Cause and Queue are added: of a
//     cause whose text is long, the first 1,000 bytes (headers must fit into one frame). It is persistent, whatever it was.
//   - Not kept: the expiration, so that what is parked never expires; the user id, since RabbitMQ takes none but the sender's
//     own; the header CC, which would send copies to others; the header x-death, by which RabbitMQ 3 drops what comes again where
//     it died before. Nor can exchange and routing key of d be kept: what it is, is told by its Type.
//   - d is not changed, its headers neither: the caller may go on using it.
//   - It does not wait for the step to pass.
//   - It publishes on a channel of its own on conn, which is closed whenever Retry returns. conn and d's channel stay open.
func (p Plan) Retry(ctx context.Context, conn *amqp.Connection, d amqp.Delivery, cause error, random float64) error {
	failed := failures(d) + 1
	next, m := p.parked(), again(d)
	if failed <= int64(len(p.Steps)) {
		step := p.Steps[failed-1]
		next = p.waiting(step)
		wait := step/2 + time.Duration(random*float64(step/2))
		m.Expiration = strconv.FormatInt(wait.Milliseconds(), 10)
	}
	m.Headers[Attempt] = failed
	text := cause.Error()
	m.Headers[Cause] = text[:min(len(text), 1000)]
	m.Headers[Queue] = p.Queue
	if err := store(ctx, conn, next, m); err != nil {
		return fmt.Errorf("send a message of %q to %q: %w", p.Queue, next, err)
	}
	// Only now: who acks first and dies has lost it. Who dies here has it twice.
	if err := d.Ack(false); err != nil {
		return fmt.Errorf("ack a message of %q, which is in %q now: %w", p.Queue, next, err)
	}
	return nil
}

// failures returns how often a message had failed before.
func failures(d amqp.Delivery) int64 {
	var n int64
	switch v := d.Headers[Attempt].(type) {
	case int64:
		n = v
	case int32:
		n = int64(v)
	}
	return max(0, min(n, math.MaxInt64-1)) // anybody may write it, and one more is still to come
}

// again returns what is to be published of d, with headers of its own.
func again(d amqp.Delivery) amqp.Publishing {
	headers := amqp.Table{}
	maps.Copy(headers, d.Headers)
	delete(headers, "CC") // here the keys of CC would be names of queues
	// RabbitMQ 3 reads in it where the message died, and drops one that comes to the same place again without a reject.
	delete(headers, "x-death")
	return amqp.Publishing{
		Headers:         headers,
		ContentType:     d.ContentType,
		ContentEncoding: d.ContentEncoding,
		DeliveryMode:    amqp.Persistent,
		Priority:        d.Priority,
		CorrelationId:   d.CorrelationId,
		ReplyTo:         d.ReplyTo,
		MessageId:       d.MessageId,
		Timestamp:       d.Timestamp,
		Type:            d.Type,
		AppId:           d.AppId,
		Body:            d.Body,
	}
}

// store publishes m to a queue, and returns nil when RabbitMQ has confirmed that it is there.
func store(ctx context.Context, conn *amqp.Connection, queue string, m amqp.Publishing) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	returns := ch.NotifyReturn(make(chan amqp.Return, 1)) // there is one message on this channel
	const mandatory = true
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, mandatory, false, m)
	if err != nil {
		return err
	}
	acked, err := confirmation.WaitContext(ctx)
	if err != nil {
		return fmt.Errorf("wait for the confirm: %w", err)
	}
	if !acked { // a nack, or the channel ended without an answer
		return errors.New("not confirmed")
	}
	select { // a return comes before the ack
	case _, returned := <-returns:
		if returned {
			return errors.New("there is no such queue")
		}
	default:
	}
	return nil
}
