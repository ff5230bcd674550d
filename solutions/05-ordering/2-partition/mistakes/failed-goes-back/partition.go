// Gives back what failed, to try it again, and goes on.
// In production: what was sent ahead is handled first. The order is packed though its payment failed, and is paid for later, if at
// all. And nobody hears of a message that fails for ever.
//
// want TestFailedHandleIsNotPassedBy: "of its partition have begun"

package partition

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
			err := p.handle(context.WithoutCancel(ctx), d)
			if err != nil {
				slog.Warn("once more", "queue", p.queue, "order", d.RoutingKey, "error", err)
				err = d.Nack(false, true)
			} else {
				err = d.Ack(false)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", p.queue, err)
			}
		}
	}
	return nil
}
