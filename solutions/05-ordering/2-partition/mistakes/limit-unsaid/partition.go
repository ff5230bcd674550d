// The partitions are plain quorum queues with a single active consumer. RabbitMQ 4 gives them a delivery limit, of 20.
// In production: the warehouse is away for a minute, and the message at the head of a partition is tried again and again. At
// the 21st return RabbitMQ throws it away: the order is never packed, and what comes behind it goes on.
//
// brokers: 4
// want TestPartitionsKeepWhatWaits: "was given back 21 times, and does not come again"

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
		return fmt.Errorf("%d partitions: must be positive", n)
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	quorum := func(name, arg string, value any) error {
		_, err := ch.QueueDeclare(name, true, false, false, false, amqp.Table{"x-queue-type": "quorum", arg: value})
		if err != nil {
			return fmt.Errorf("declare %q with %s=%v: %w", name, arg, value, err)
		}
		return nil
	}
	if err := quorum(Exchange+".size", "x-max-length", n); err != nil {
		return err
	}
	if err := ch.ExchangeDeclare(Exchange, "x-consistent-hash", true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare %q: %w", Exchange, err)
	}
	for i := range n {
		if err := quorum(Queue(i), "x-single-active-consumer", true); err != nil {
			return err
		}
		if err := ch.QueueBind(Queue(i), "1", Exchange, false, nil); err != nil {
			return fmt.Errorf("bind %q: %w", Queue(i), err)
		}
	}
	return nil
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
	running, stop := context.WithCancel(ctx)
	defer stop()
	var (
		wg   sync.WaitGroup
		once sync.Once
		why  error
	)
	for i := range n {
		wg.Go(func() {
			p := partition{conn: conn, queue: Queue(i), handle: handle}
			if err := p.run(running); err != nil {
				once.Do(func() { why = err })
				stop()
			}
		})
	}
	wg.Wait()
	return why
}

// A partition is one queue that is worked on.
type partition struct {
	conn   *amqp.Connection
	queue  string
	handle func(context.Context, amqp.Delivery) error
}

func (p partition) run(ctx context.Context) error {
	ch, err := p.conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(10, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.Consume(p.queue, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case d, ok := <-deliveries:
			if ctx.Err() != nil {
				return nil
			}
			if !ok {
				return errors.New(p.queue + " is gone")
			}
			if err := p.handle(context.WithoutCancel(ctx), d); err != nil {
				return fmt.Errorf("%s: %w", p.queue, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("%s: %w", p.queue, err)
			}
		}
	}
	return nil
}
