// Package poison keeps an order that nobody can handle from coming back for ever: after some attempts it is parked. There is no
// pause between two attempts: 04/4 has them.
package poison

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, and queue+".parked", where RabbitMQ puts what has used up its attempts.
//   - Both are durable quorum queues. Neither time nor length takes a message out of them.
//   - A message is delivered attempts times at most. If it came back each time, because its handle failed or its process died,
//     RabbitMQ itself parks it, with the reason delivery_limit in x-death. The queue itself says the number: a queue that
//     names none has no limit on RabbitMQ 3, and one of 20 on RabbitMQ 4.
//   - Nobody can try less than once: attempts below 1 is an error, and nothing is declared.
//   - If the parked queue is missing when a message dies, the message waits in queue, where nobody gets it. RabbitMQ tries again
//     every three minutes (rabbitmq.com/docs/quorum-queues#dead-lettering).
//   - What is parked stays, however often somebody looks at it and gives it back: a million times is not too often.
//   - Wherever Declare is broken off: if queue is there, what dies in it arrives in the parked queue.
//   - What is there already stays as it is. If it has other properties, return an error that wraps RabbitMQ's *amqp.Error (406).
func Declare(ch *amqp.Channel, queue string, attempts int) error {
	if attempts < 1 {
		return fmt.Errorf("declare %q: %d attempts: there must be one at least", queue, attempts)
	}
	parked := queue + ".parked"
	_, err := ch.QueueDeclare(parked, true, false, false, false, amqp.Table{
		"x-queue-type":     "quorum",
		"x-delivery-limit": math.MaxInt32, // each look counts, and RabbitMQ 4 would throw it out after 20
	})
	if err != nil {
		return fmt.Errorf("declare %q: %w", parked, err)
	}
	_, err = ch.QueueDeclare(queue, true, false, false, false, amqp.Table{
		"x-queue-type":              "quorum",
		"x-delivery-limit":          attempts - 1, // how often it may come back: the first delivery is none of them
		"x-dead-letter-exchange":    "",
		"x-dead-letter-routing-key": parked,
		"x-dead-letter-strategy":    "at-least-once",
		"x-overflow":                "reject-publish", // without it the strategy is at-most-once, and nothing says so
	})
	if err != nil {
		return fmt.Errorf("declare %q: %w", queue, err)
	}
	return nil
}

// Consume hands the messages of queue to handle, one after another, until ctx ends.
//   - ch is the caller's, for Consume alone, and stays open. RabbitMQ sends up to ten messages ahead of their answers.
//   - attempt is 1 for a message that comes for the first time, else one more than its x-delivery-count. RabbitMQ counts there
//     how often it came back. It leaves the header out the first time: one that is there was published with the message, say by
//     a replay that copied all headers, and says nothing.
//   - handle returns nil: the message is done, and leaves the queue.
//   - handle returns an error, whichever, or panics: that message goes back at once, and that counts as an attempt on every
//     RabbitMQ from 3.10 to 4.3 (not every way back does: rabbitmq.com/docs/quorum-queues#poison-message-handling). Consume goes
//     on with the next message. What was sent ahead is not touched: one bad order costs the others nothing.
//   - Each delivery is answered once, by itself, when its handle has ended and before the next begins.
//   - The process dies: RabbitMQ counts an attempt for each message that was sent here, tried or not. Consume can't change that.
//   - ctx ends: no further messages (basic.cancel, at once). The running handle finishes and is answered as ever; its context does
//     not end with ctx. What was sent ahead and not tried is given back when the consumer is gone, in the way that doesn't count
//     from 4.3 on. Before 4.3 every return counts, so there it costs one attempt; never more. Then return nil.
//   - ctx has ended before: take nothing, return nil.
//   - Connection or channel lost: begin nothing more, and return an error.
//   - Queue lost, or never there: return an error. What was sent ahead may still be tried first.
//   - When Consume returns, nothing runs any more that it has started.
func Consume(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(ctx context.Context, d amqp.Delivery, attempt int) error) error {
	if ctx.Err() != nil {
		return nil
	}
	if err := ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	consumer := rand.Text()
	deliveries, err := ch.Consume(queue, consumer, false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	// This runs beside a handle. It ends the deliveries: if it fails, the channel is gone, and they have ended already.
	stop := context.AfterFunc(ctx, func() { ch.Cancel(consumer, false) })
	defer stop()

	var untried []amqp.Delivery
	for d := range deliveries {
		if ctx.Err() != nil {
			untried = append(untried, d)
			continue
		}
		err := try(context.WithoutCancel(ctx), d, handle)
		if err == nil {
			err = d.Ack(false)
		} else {
			slog.Warn("an attempt failed", "queue", queue, "message", d.MessageId, "error", err)
			err = d.Reject(true)
		}
		if err != nil {
			return fmt.Errorf("answer a message of %q: %w", queue, err)
		}
	}
	if ctx.Err() == nil || ch.IsClosed() {
		return fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
	}
	for _, d := range untried {
		if err := d.Nack(false, true); err != nil {
			return fmt.Errorf("give back a message of %q: %w", queue, err)
		}
	}
	return nil
}

// try calls handle, and makes an error of a panic.
func try(ctx context.Context, d amqp.Delivery, handle func(context.Context, amqp.Delivery, int) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	attempt := 1
	if d.Redelivered { // else RabbitMQ has not counted yet, and what stands there was published
		returned, _ := d.Headers["x-delivery-count"].(int64)
		attempt += int(returned)
	}
	return handle(ctx, d, attempt)
}
