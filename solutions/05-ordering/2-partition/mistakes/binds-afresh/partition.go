// Removes each binding before it makes it, so that there is surely one, with the weight of today.
// In production: each start of any process takes a partition out, and puts it in behind the others. Meanwhile most keys have
// other places, and newer messages overtake older ones.
//
// want TestPartitionsAreEqual: "it unbinds partitions, if only for a moment"

package partition

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

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
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	// The name of an alternate exchange, which isn't there, is compared whenever somebody declares this one: so it holds n.
	err = ch.ExchangeDeclare(Exchange, "x-consistent-hash", true, false, false, false, amqp.Table{
		"alternate-exchange": fmt.Sprintf("%s.of-%d", Exchange, n),
	})
	if err != nil {
		return fmt.Errorf("declare %q for %d partitions: %w", Exchange, n, err)
	}
	for i := range n {
		_, err := ch.QueueDeclare(Queue(i), true, false, false, false, amqp.Table{
			"x-queue-type": "quorum", "x-single-active-consumer": true, "x-delivery-limit": 1_000_000_000,
		})
		if err != nil {
			return fmt.Errorf("declare %q: %w", Queue(i), err)
		}
		if err := ch.QueueUnbind(Queue(i), "1", Exchange, nil); err != nil {
			return fmt.Errorf("unbind %q: %w", Queue(i), err)
		}
		if err := ch.QueueBind(Queue(i), "1", Exchange, false, nil); err != nil {
			return fmt.Errorf("bind %q: %w", Queue(i), err)
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
