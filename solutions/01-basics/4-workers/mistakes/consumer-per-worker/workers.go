// Each worker is a consumer of its own. Prefetch counts per consumer, so workers times prefetch messages are sent
// ahead, and each worker has a private queue: what was sent to a worker that is busy can't go to one that is idle.
//
// In production: a payment waits behind a slow one in the same worker while the others stand idle.
//
// want TestSlowMessageHoldsUpNobody: "does not get on"

package workers

import (
	"context"
	"crypto/rand"
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
	consumers := make([]string, workers)
	sources := make([]<-chan amqp.Delivery, workers)
	for i := range workers {
		consumers[i] = rand.Text()
		deliveries, err := ch.Consume(queue, consumers[i], false, false, false, false, nil)
		if err != nil {
			return fmt.Errorf("consume %q: %w", queue, err)
		}
		sources[i] = deliveries
	}

	var pool sync.WaitGroup
	for _, deliveries := range sources {
		pool.Go(func() { work(ctx, deliveries, handle) })
	}
	pool.Wait()

	if ctx.Err() == nil {
		return fmt.Errorf("work on %q: no more deliveries: its channel, connection or queue is gone", queue)
	}
	for _, consumer := range consumers {
		if err := ch.Cancel(consumer, false); err != nil {
			return fmt.Errorf("end a consumer of %q: %w", queue, err)
		}
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
