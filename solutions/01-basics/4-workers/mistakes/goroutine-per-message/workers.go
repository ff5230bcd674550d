// A goroutine is started for each message: prefetch handles run at once, however many workers were asked for.
//
// In production: prefetch is raised to 200 to hide the network's delay, and the provider, which allows 10 calls at a
// time, locks the shop out.
//
// want TestNeverMoreThanTheWorkers: "handles ran at the same time"

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
	consumer := rand.Text()
	deliveries, err := ch.Consume(queue, consumer, false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}

	var running sync.WaitGroup
	for ctx.Err() == nil {
		d, ok := next(ctx, deliveries)
		if !ok {
			break
		}
		running.Go(func() {
			if handle(context.WithoutCancel(ctx), d) == nil {
				d.Ack(false)
			} else {
				d.Nack(false, true)
			}
		})
	}
	running.Wait()

	if ctx.Err() == nil {
		return fmt.Errorf("work on %q: no more deliveries: its channel, connection or queue is gone", queue)
	}
	if err := ch.Cancel(consumer, false); err != nil {
		return fmt.Errorf("end the consumer of %q: %w", queue, err)
	}
	return nil
}

// next returns the next delivery, and false when ctx has ended or the deliveries have.
func next(ctx context.Context, deliveries <-chan amqp.Delivery) (amqp.Delivery, bool) {
	select {
	case <-ctx.Done():
		return amqp.Delivery{}, false
	case d, ok := <-deliveries:
		return d, ok && ctx.Err() == nil
	}
}
