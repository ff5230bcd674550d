// Each partition works for itself. When one fails, that is logged, and the others go on.
// In production: a handle fails once, and its partition stands still for as long as this process lives, while its orders pile
// up. Work does not return, so nobody starts it again.
//
// want TestFailedHandleIsNotPassedBy: "Work goes on with the other partition"

package partition

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Exchange chooses the partition of a key, always the same.
const Exchange = "order.partitions"

// Queue returns the name of partition i. The first is 0.
func Queue(i int) string { return fmt.Sprintf("order.partition.%d", i) }

// Declare makes Exchange and n partitions.
func Declare(conn *amqp.Connection, n int) error {
	if n <= 0 {
		return fmt.Errorf("declare partitions: %d is no number of partitions", n)
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("declare partitions: %w", err)
	}
	defer ch.Close()
	queue := func(name string, args amqp.Table) error {
		args[amqp.QueueTypeArg] = amqp.QueueTypeQuorum
		_, err := ch.QueueDeclare(name, true, false, false, false, args)
		return err
	}
	// Never has a message. RabbitMQ compares its limit with ours.
	if err := queue(Exchange+".count", amqp.Table{amqp.QueueMaxLenArg: n}); err != nil {
		return fmt.Errorf("declare partitions: there are not %d: %w", n, err)
	}
	if err := ch.ExchangeDeclare(Exchange, "x-consistent-hash", true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare partitions: %w", err)
	}
	for i := range n {
		err := queue(Queue(i), amqp.Table{amqp.SingleActiveConsumerArg: true, "x-delivery-limit": math.MaxInt32})
		if err == nil {
			err = ch.QueueBind(Queue(i), "100", Exchange, false, nil)
		}
		if err != nil {
			return fmt.Errorf("declare partition %d: %w", i, err)
		}
	}
	return nil
}

// on runs f with a channel of its own.
func on(conn *amqp.Connection, f func(*amqp.Channel) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	err = f(ch)
	if closing := ch.Close(); closing != nil && err == nil {
		err = fmt.Errorf("close a channel: %w", closing)
	}
	return err
}

// Publish sends a message to the partition of its key.
func Publish(ctx context.Context, conn *amqp.Connection, key string, body []byte) error {
	return on(conn, func(ch *amqp.Channel) error {
		if err := ch.Confirm(false); err != nil {
			return err
		}
		returned := ch.NotifyReturn(make(chan amqp.Return, 1))
		m := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body}
		sent, err := ch.PublishWithDeferredConfirmWithContext(ctx, Exchange, key, true, false, m)
		if err != nil {
			return err
		}
		switch ok, err := sent.WaitContext(ctx); {
		case err != nil:
			return err
		case !ok:
			return fmt.Errorf("%s: not confirmed", key)
		case len(returned) > 0:
			return fmt.Errorf("%s: returned", key)
		}
		return nil
	})
}

// Work handles the messages of all n partitions until ctx ends.
func Work(ctx context.Context, conn *amqp.Connection, n int, handle func(context.Context, amqp.Delivery) error) error {
	var wg sync.WaitGroup
	failed := make([]error, n)
	for i := range n {
		wg.Go(func() {
			failed[i] = on(conn, func(ch *amqp.Channel) error { return work(ctx, ch, Queue(i), handle) })
			if failed[i] != nil {
				slog.Error("partition failed", "partition", i, "error", failed[i])
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

func work(ctx context.Context, ch *amqp.Channel, queue string, handle func(context.Context, amqp.Delivery) error) error {
	if err := ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("%s: %w", queue, err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", queue, err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if ctx.Err() != nil {
				return nil
			}
			if !ok {
				return fmt.Errorf("%s: no more deliveries", queue)
			}
			if err := handle(context.WithoutCancel(ctx), d); err != nil {
				return fmt.Errorf("%s: %w", queue, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("%s: %w", queue, err)
			}
		}
	}
}
