// ConsumeWithContext ends the consumer when ctx ends, in a goroutine of amqp091-go that nobody waits for. And when the
// queue is deleted, that goroutine waits on for ctx.
//
// In production: Work has returned, and RabbitMQ still sends orders that nobody handles. And each time that the caller
// consumes again, one goroutine more waits, for the life of the program.
//
// want TestStopWaitsForTheEndOfTheConsumer: "before RabbitMQ had confirmed the end of its consumer"
// want TestNothingWaitsForCtxWhenWorkHasReturned: "cancelled the consumer that is long gone"

package workers

import (
	"context"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Work handles the messages of queue, up to workers of them at a time, until ctx ends.
func Work(ctx context.Context, ch *amqp.Channel, queue string, workers, prefetch int,
	handle func(context.Context, amqp.Delivery) error) error {
	if workers < 1 || prefetch < 1 {
		return fmt.Errorf("work on %q: workers %d and prefetch %d must both be at least 1", queue, workers, prefetch)
	}
	if err := ch.Qos(prefetch, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", queue, err)
	}
	deliveries, err := ch.ConsumeWithContext(ctx, queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}

	var pool sync.WaitGroup
	for range workers {
		pool.Go(func() { work(ctx, deliveries, handle) })
	}
	pool.Wait()

	if ctx.Err() == nil {
		return fmt.Errorf("work on %q: no more deliveries: its channel, connection or queue is gone", queue)
	}
	return nil
}

func work(ctx context.Context, deliveries <-chan amqp.Delivery, handle func(context.Context, amqp.Delivery) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case d, ok := <-deliveries:
			if !ok || ctx.Err() != nil {
				return
			}
			if handle(context.WithoutCancel(ctx), d) == nil {
				d.Ack(false)
			} else {
				d.Nack(false, true)
			}
		}
	}
}
