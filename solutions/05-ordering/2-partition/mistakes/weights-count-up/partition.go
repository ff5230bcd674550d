// Takes the key of a binding for the partition's number.
// In production: it is the partition's weight. The last of three gets half of all orders, its worker never comes to an end, and the
// others wait for work.
//
// want TestPartitionsAreEqual: "order.partition.1=2"

package partition

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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
		if err := ch.QueueBind(Queue(i), strconv.Itoa(i+1), Exchange, false, nil); err != nil {
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
