// The delivery is declared outside the workers, and the function that answers uses that variable: who is done acks the
// message that was taken last, not its own.
//
// In production: two acks for one message close the channel (406), and everything that others were working on comes
// again. go test -race names the line.
//
// want TestEachMessageIsAnsweredOnce: "another order was answered"

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

	var pool sync.WaitGroup
	var mu sync.Mutex // guards d and ok
	var d amqp.Delivery
	var ok bool
	take := func() (amqp.Delivery, bool) {
		mu.Lock()
		defer mu.Unlock()
		select {
		case <-ctx.Done():
			return amqp.Delivery{}, false
		case d, ok = <-deliveries:
			return d, ok && ctx.Err() == nil
		}
	}
	answer := func(err error) {
		if err == nil {
			d.Ack(false)
		} else {
			d.Nack(false, true)
		}
	}
	for range workers {
		pool.Go(func() {
			for mine, more := take(); more; mine, more = take() {
				answer(handle(context.WithoutCancel(ctx), mine))
			}
		})
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
