// The message is acked whether the handle returned nil or an error.
//
// In production: the provider is away for a minute. Every payment of that minute is lost, with a line in a log.
//
// want TestFailedMessageComesAgain: "order-1 was acked"

package workers

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
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
	consumer := rand.Text()
	deliveries, err := ch.Consume(queue, consumer, false, false, false, false, nil)
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
	if err := ch.Cancel(consumer, false); err != nil {
		return fmt.Errorf("end the consumer of %q: %w", queue, err)
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
			if err := handle(context.WithoutCancel(ctx), d); err != nil {
				slog.Error("charge failed", "message", d.MessageId, "err", err)
			}
			d.Ack(false)
		}
	}
}
