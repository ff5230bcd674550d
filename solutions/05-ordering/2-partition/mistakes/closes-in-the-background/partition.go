// Doesn't wait until its channel is closed: that costs a round trip for each message.
// In production: ctx ends, the caller gets its error, and the message is still on its way. RabbitMQ serves each channel by itself:
// the order's next message goes over another one and overtakes it.
//
// want TestGivenUpDoesNotComeLater: "The partition has"

package partition

import (
	"context"
	"errors"
	"fmt"
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

// Publish sends a message to the partition of its key.
func Publish(ctx context.Context, conn *amqp.Connection, key string, body []byte) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer func() { go ch.Close() }()
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
