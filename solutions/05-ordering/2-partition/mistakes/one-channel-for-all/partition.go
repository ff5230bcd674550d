// All partitions are consumed over one channel, which is closed when everything has ended.
// In production: a deployment. One handle takes a minute, all other partitions have nothing to do and are held all the same:
// their orders wait for that minute, though other processes stand by.
//
// want TestStopGivesPartitionsUpInOrder: "and process b gets nothing"

package partition

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
	return on(conn, func(ch *amqp.Channel) error {
		if err := ch.Qos(10, 0, false); err != nil { // for each consumer
			return err
		}
		ctx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		var wg sync.WaitGroup
		for i := range n {
			deliveries, err := ch.Consume(Queue(i), "", false, false, false, false, nil)
			if err != nil {
				stop(fmt.Errorf("consume partition %d: %w", i, err))
				break
			}
			wg.Go(func() {
				if err := work(ctx, deliveries, handle); err != nil {
					stop(fmt.Errorf("work on partition %d: %w", i, err))
				}
			})
		}
		wg.Wait()
		if cause := context.Cause(ctx); cause != ctx.Err() {
			return cause
		}
		return nil
	})
}

func work(ctx context.Context, deliveries <-chan amqp.Delivery, handle func(context.Context, amqp.Delivery) error) error {
	for {
		var d amqp.Delivery
		ok := false
		select {
		case <-ctx.Done():
		case d, ok = <-deliveries:
		}
		if ctx.Err() != nil {
			return nil
		}
		if !ok {
			return errors.New("no more deliveries")
		}
		if err := handle(context.WithoutCancel(ctx), d); err != nil {
			return err
		}
		if err := d.Ack(false); err != nil {
			return err
		}
	}
}
