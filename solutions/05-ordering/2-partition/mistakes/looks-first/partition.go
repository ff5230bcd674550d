// Looks which partitions are there, and declares them if that fits.
// In production: the old and the new version of a service start in the same second. Both look, both see nothing, and both
// declare: half of the workers never look at a partition that gets orders.
//
// want TestTwoNumbersAtOnce: "came in between; they returned <nil> and <nil>"

package partition

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Exchange chooses the partition of a key, always the same.
const Exchange = "order.partitions"

// Queue returns the name of partition i. The first is 0.
func Queue(i int) string { return fmt.Sprintf("order.partition.%d", i) }

// Declare makes Exchange and n partitions.
func Declare(conn *amqp.Connection, n int) error {
	if n < 1 {
		return fmt.Errorf("%d partitions", n)
	}
	// The last one is declared first: so it tells how many there are, however far the one before us has come.
	for i := n; i >= 0; i-- {
		there, err := exists(conn, Queue(i))
		if err != nil {
			return fmt.Errorf("look for %q: %w", Queue(i), err)
		}
		if there && i == n-1 {
			break
		}
		if there {
			return fmt.Errorf("%q is there: there are not %d partitions", Queue(i), n)
		}
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.ExchangeDeclare(Exchange, "x-consistent-hash", true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare %q: %w", Exchange, err)
	}
	for i := n - 1; i >= 0; i-- {
		_, err := ch.QueueDeclare(Queue(i), true, false, false, false, amqp.Table{
			"x-queue-type": "quorum", "x-single-active-consumer": true, "x-delivery-limit": math.MaxInt32,
		})
		if err != nil {
			return fmt.Errorf("declare %q: %w", Queue(i), err)
		}
	}
	for i := range n {
		if err := ch.QueueBind(Queue(i), "1", Exchange, false, nil); err != nil {
			return fmt.Errorf("bind %q: %w", Queue(i), err)
		}
	}
	return nil
}

// exists tells whether a queue is there. A passive declare of one that isn't costs the channel.
func exists(conn *amqp.Connection, queue string) (bool, error) {
	ch, err := conn.Channel()
	if err != nil {
		return false, err
	}
	defer ch.Close()
	_, err = ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	var refused *amqp.Error
	if errors.As(err, &refused) && refused.Code == amqp.NotFound {
		return false, nil
	}
	return err == nil, err
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
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Confirm(false); err != nil {
		return err
	}
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, 1))
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	message := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body}
	if err := ch.PublishWithContext(ctx, Exchange, key, true, false, message); err != nil {
		return fmt.Errorf("publish for %q: %w", key, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("publish for %q: %w", key, ctx.Err())
	case confirm := <-confirms: // the zero value, which is no ack, if the channel is gone
		if !confirm.Ack || len(returns) > 0 {
			return fmt.Errorf("publish for %q: not stored", key)
		}
		return nil
	}
}

// Work handles the messages of all n partitions until ctx ends.
func Work(ctx context.Context, conn *amqp.Connection, n int, handle func(context.Context, amqp.Delivery) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error)
	for i := range n {
		go func() {
			err := on(conn, func(ch *amqp.Channel) error { return consume(ctx, ch, Queue(i), handle) })
			if err != nil {
				slog.Error("a partition is lost", "partition", i, "error", err)
				cancel(err)
			}
			done <- err
		}()
	}
	var all error
	for range n {
		all = errors.Join(all, <-done)
	}
	return all
}

func consume(ctx context.Context, ch *amqp.Channel, queue string, handle func(context.Context, amqp.Delivery) error) error {
	if err := ch.Qos(5, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			switch {
			case ctx.Err() != nil:
				return nil
			case !ok:
				return fmt.Errorf("%s: no more deliveries", queue)
			}
			if err := handle(context.WithoutCancel(ctx), d); err != nil {
				return err
			}
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
}
