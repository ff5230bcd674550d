// Package workers handles the messages of one queue several at a time. It dials nothing and declares nothing: channel
// and queue are the caller's.
package workers

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Work handles the messages of queue, up to workers of them at a time, until ctx ends.
//   - The broker sends prefetch messages ahead of their answers and no more: the rest stays in the queue, where
//     another process can take it. prefetch may be larger than workers. Either below 1: an error, and nothing is
//     consumed.
//   - Who is free takes the next message: a slow one holds up nobody. Never more than workers handles run at once.
//   - Each message is answered by itself, once, after its handle returned: nil acks it, an error gives it back.
//   - ctx ends: begin no message, let the running handles finish and answer, end the consumer, wait until RabbitMQ has
//     confirmed that, return nil. The context that a handle gets does not end with ctx. What was sent ahead and not
//     begun goes back when the caller closes ch.
//   - No more deliveries because channel, connection or queue is gone: let the running handles finish, return an
//     error. Reconnecting is 01/5.
//   - When Work has returned, nothing of it runs, or waits for ctx, in amqp091-go neither. ch stays open: it is the
//     caller's.
func Work(ctx context.Context, ch *amqp.Channel, queue string, workers, prefetch int,
	handle func(context.Context, amqp.Delivery) error) error {
	if workers < 1 || prefetch < 1 { // to AMQP, prefetch 0 means: without limit
		return fmt.Errorf("work on %q: workers %d and prefetch %d must both be at least 1", queue, workers, prefetch)
	}
	if err := ch.Qos(prefetch, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	consumer := rand.Text()
	deliveries, err := ch.Consume(queue, consumer, false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}

	//	broker ──▶ deliveries ──┬──▶ worker ──▶ its own answer
	//	                        ├──▶ worker ──▶ its own answer
	//	                        └──▶ worker ──▶ its own answer
	var pool sync.WaitGroup
	for range workers {
		pool.Go(func() { work(ctx, deliveries, handle) })
	}
	pool.Wait()

	if ctx.Err() == nil {
		return fmt.Errorf("work on %q: no more deliveries: its channel, connection or queue is gone", queue)
	}
	if err := ch.Cancel(consumer, false); err != nil {
		return fmt.Errorf("end the consumer of %q: %w", queue, err)
	}
	return nil
}

// work is one worker. It returns when ctx has ended or the deliveries have.
func work(ctx context.Context, deliveries <-chan amqp.Delivery, handle func(context.Context, amqp.Delivery) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case d, ok := <-deliveries:
			if !ok || ctx.Err() != nil { // with both cases ready, select may have taken this one
				return
			}
			// An answer can only fail when the channel is gone, and then the deliveries end too.
			if handle(context.WithoutCancel(ctx), d) == nil {
				d.Ack(false)
			} else {
				d.Nack(false, true)
			}
		}
	}
}
