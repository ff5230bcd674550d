// Keeps what was sent ahead in a channel of its own, and takes a lost ack lightly: the message comes again.
// In production: RabbitMQ closes the channel of a partition, and another process goes on with it at once. This one doesn't notice
// before its buffer is empty: up to nine more messages are handled in both, side by side.
//
// want TestLossIsAnError: "RabbitMQ closed the channel of partition 0 while the handle of order-1.01 ran; of its partition"

package partition

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
		return errors.New("partition: n is below 1")
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	// An exchange with another alternate is refused (406). That exchange doesn't exist, so mandatory still works.
	err = ch.ExchangeDeclare(Exchange, "x-consistent-hash", true, false, false, false,
		amqp.Table{"alternate-exchange": Exchange + ".of." + strconv.Itoa(n)})
	if err != nil {
		return err
	}
	for i := n - 1; i >= 0; i-- {
		if _, err := ch.QueueDeclare(Queue(i), true, false, false, false, amqp.Table{"x-single-active-consumer": true}); err != nil {
			return err
		}
	}
	for i := range n {
		if err := ch.QueueBind(Queue(i), "10", Exchange, false, nil); err != nil {
			return err
		}
	}
	return nil
}

// Publish sends a message to the partition of its key.
func Publish(ctx context.Context, conn *amqp.Connection, key string, body []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	acks := ch.NotifyPublish(make(chan amqp.Confirmation, 1))
	back := ch.NotifyReturn(make(chan amqp.Return, 1))
	if err := ch.Confirm(false); err != nil {
		ch.Close()
		return err
	}
	err = ch.Publish(Exchange, key, true, false, amqp.Publishing{DeliveryMode: 2, Body: body})
	if err == nil {
		select {
		case c, ok := <-acks:
			if !ok || !c.Ack {
				err = errors.New("refused, or lost")
			}
		case <-ctx.Done():
			err = fmt.Errorf("given up: %w", ctx.Err())
		}
	}
	ch.Close()
	for r := range back {
		err = errors.Join(err, errors.New(r.ReplyText))
	}
	return err
}

// Work handles the messages of all n partitions until ctx ends.
func Work(ctx context.Context, conn *amqp.Connection, n int, handle func(context.Context, amqp.Delivery) error) error {
	var (
		wg    sync.WaitGroup
		once  sync.Once
		first error
	)
	quit := make(chan struct{})
	fail := func(err error) { once.Do(func() { first = err; close(quit) }) }
	defer wg.Wait()
	stopped := func() bool {
		select {
		case <-quit:
			return true
		case <-ctx.Done():
			return true
		default:
			return false
		}
	}
	work := func(q string) error {
		ch, err := conn.Channel()
		if err != nil {
			return err
		}
		defer ch.Close()
		alive, dead := context.WithCancel(context.WithoutCancel(ctx))
		defer dead()
		lost := ch.NotifyClose(make(chan *amqp.Error, 1))
		wg.Add(1)
		go func() { defer wg.Done(); <-lost; dead() }()
		if err := ch.Qos(10, 0, false); err != nil {
			return err
		}
		sent, err := ch.Consume(q, "", false, false, false, false, nil)
		if err != nil {
			return err
		}
		in := make(chan amqp.Delivery, 10) // whatever happens, the next one is at hand
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer close(in)
			for d := range sent {
				in <- d
			}
		}()
		for !stopped() {
			select {
			case <-quit:
			case <-ctx.Done():
			case d, ok := <-in:
				if !ok {
					return errors.New(q + ": consumer is gone")
				}
				if stopped() {
					return nil
				}
				if err := handle(alive, d); err != nil {
					return fmt.Errorf("%s: %w", q, err)
				}
				if err := d.Ack(false); err != nil {
					slog.Warn("not acked, it comes again", "partition", q, "error", err)
				}
			}
		}
		return nil
	}
	for i := 0; i < n; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := work(Queue(i)); err != nil {
				fail(err)
			}
		}()
	}
	wg.Wait()
	return first
}
