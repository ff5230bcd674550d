// When ctx ends, cancels its consumers first, so that RabbitMQ sends nothing more, and waits for the running handles then.
// In production: with the consumer gone, the next process is the active one, at once. At each deployment two of them handle the
// same partition for a while.
//
// want TestStopGivesPartitionsUpInOrder: "process b has begun"

package partition

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"

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
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make(chan error, n)
	for i := range n {
		go func() {
			err := work(ctx, conn, i, handle)
			if err != nil {
				stop()
			}
			errs <- err
		}()
	}
	var all []error
	for range n {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

func work(ctx context.Context, conn *amqp.Connection, i int, handle func(context.Context, amqp.Delivery) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("partition %d: %w", i, err)
	}
	defer ch.Close()
	if err := ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("partition %d: %w", i, err)
	}
	tag := rand.Text()
	deliveries, err := ch.Consume(Queue(i), tag, false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("partition %d: %w", i, err)
	}
	// It ends the deliveries.
	end := context.AfterFunc(ctx, func() { ch.Cancel(tag, false) })
	defer end()
	for d := range deliveries {
		if ctx.Err() != nil {
			continue // goes back with the channel
		}
		if err := handle(context.WithoutCancel(ctx), d); err != nil {
			return fmt.Errorf("partition %d: handle: %w", i, err)
		}
		if err := d.Ack(false); err != nil {
			return fmt.Errorf("partition %d: ack: %w", i, err)
		}
	}
	if ctx.Err() == nil {
		return fmt.Errorf("partition %d: no more deliveries", i)
	}
	return nil
}
