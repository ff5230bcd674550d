// Writes the number onto the exchange, as an argument of its own: declaring it with another number must be a conflict.
// In production: it is none. RabbitMQ compares of an exchange's arguments one alone, alternate-exchange. Four partitions are
// declared over three, and nobody is told.
//
// want TestAnotherNumberIsRefused: "it returned nil"

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
		return errors.New("at least one partition is needed")
	}
	return on(conn, func(ch *amqp.Channel) error {
		number := amqp.Table{"x-partitions": n} // another number: 406
		if err := ch.ExchangeDeclare(Exchange, "x-consistent-hash", true, false, false, false, number); err != nil {
			return fmt.Errorf("declare %s for %d partitions: %w", Exchange, n, err)
		}
		for i := range n {
			args := amqp.Table{"x-single-active-consumer": true, "x-partitions": n}
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
