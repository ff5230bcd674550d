// ctx ends the consumer, and the workers go on until nothing is left of what was sent ahead.
//
// In production: with a prefetch of 200 and a second per charge, stopping takes minutes. After half a minute
// Kubernetes kills the process, in the middle of a charge.
//
// want TestStopBeginsNothingNew: "more began"

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
	for d := range deliveries {
		if handle(context.WithoutCancel(ctx), d) == nil {
			d.Ack(false)
		} else {
			d.Nack(false, true)
		}
	}
}
