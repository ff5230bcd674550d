// Spreads the messages by their ids, which are all different: so each partition gets the same, even if one customer orders most.
// In production: each message of an order is in another partition. It is shipped before it is paid.
//
// want TestKeyStaysInItsPartition: "the partitions have of this routing key"

package partition

import (
	"context"
	"crypto/rand"
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
		return errors.New("no partitions")
	}
	byID := amqp.Table{"hash-property": "message_id"}
	return on(conn, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare("order.partitions.n", true, false, false, false, amqp.Table{"x-max-length": n})
		if err != nil {
			return fmt.Errorf("%d partitions: %w", n, err)
		}
		if err := ch.ExchangeDeclare(Exchange, "x-consistent-hash", true, false, false, false, byID); err != nil {
			return fmt.Errorf("declare %s: %w", Exchange, err)
		}
		for i := range n {
			args := amqp.Table{"x-single-active-consumer": true}
			if _, err := ch.QueueDeclare(Queue(i), true, false, false, false, args); err != nil {
				return fmt.Errorf("declare %s: %w", Queue(i), err)
			}
			if err := ch.QueueBind(Queue(i), "10", Exchange, false, nil); err != nil {
				return fmt.Errorf("bind %s: %w", Queue(i), err)
			}
		}
		return nil
	})
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
		m := amqp.Publishing{MessageId: rand.Text(), DeliveryMode: amqp.Persistent, Body: body}
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
