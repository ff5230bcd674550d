// Inside a partition each order has a goroutine of its own: only the messages of one order have to come one after another.
// In production: it is in order, but n is not how many are busy any more. A partition has ten orders in hand, the warehouse
// bears three at once. And for each order that ever came, a goroutine waits until the process ends.
//
// want TestOrdersOfAPartitionTakeTurns: "there is one partition, the handle of order-1.01 runs"

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
	if n < 1 {
		return fmt.Errorf("%d partitions: at least one", n)
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	// RabbitMQ refuses to declare a queue again with another length: so this queue, always empty, keeps the number.
	if _, err := ch.QueueDeclare("order.partitions.number", true, false, false, false,
		amqp.Table{"x-max-length": int32(n)}); err != nil {
		return fmt.Errorf("keep the number: %w", err)
	}
	if err := ch.ExchangeDeclare(Exchange, "x-consistent-hash", true, false, false, false, nil); err != nil {
		return err
	}
	for i := range n {
		if _, err := ch.QueueDeclare(Queue(i), true, false, false, false, amqp.Table{
			"x-queue-type": "quorum", "x-single-active-consumer": true, "x-delivery-limit": math.MaxInt32}); err != nil {
			return err
		}
		if err := ch.QueueBind(Queue(i), "1", Exchange, false, nil); err != nil {
			return err
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
	returned := ch.NotifyReturn(make(chan amqp.Return, 1))
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	c, err := ch.PublishWithDeferredConfirmWithContext(ctx, Exchange, key, true, false,
		amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body})
	if err != nil {
		return err
	}
	ok, err := c.WaitContext(ctx)
	if err != nil {
		return err
	}
	select {
	case r := <-returned:
		return fmt.Errorf("no partition: %s", r.ReplyText)
	default:
	}
	if !ok {
		select {
		case err := <-closed:
			return fmt.Errorf("not confirmed: %w", err)
		default:
			return errors.New("not confirmed")
		}
	}
	return nil
}

// Work handles the messages of all n partitions until ctx ends.
func Work(ctx context.Context, conn *amqp.Connection, n int, handle func(context.Context, amqp.Delivery) error) error {
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if errs[i] = one(stop, conn, Queue(i), handle); errs[i] != nil {
				cancel()
			}
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

func one(ctx context.Context, conn *amqp.Connection, queue string, handle func(context.Context, amqp.Delivery) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(10, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	orders := map[string]chan amqp.Delivery{}
	failed := make(chan error, 10) // so many are here without an ack
	var wg sync.WaitGroup
	order := func(ds <-chan amqp.Delivery) {
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case d := <-ds:
				if ctx.Err() != nil {
					return
				}
				err := handle(context.WithoutCancel(ctx), d)
				if err == nil {
					err = d.Ack(false)
				}
				if err != nil {
					failed <- fmt.Errorf("%s: %w", d.RoutingKey, err)
					cancel()
					return
				}
			}
		}
	}
	var lost error
	for ctx.Err() == nil && lost == nil {
		select {
		case <-ctx.Done():
		case d, ok := <-deliveries:
			if !ok {
				lost = fmt.Errorf("%s is lost", queue)
				break
			}
			if orders[d.RoutingKey] == nil {
				orders[d.RoutingKey] = make(chan amqp.Delivery, 10)
				ds := orders[d.RoutingKey]
				wg.Go(func() { order(ds) })
			}
			orders[d.RoutingKey] <- d
		}
	}
	cancel()
	wg.Wait()
	select {
	case err := <-failed:
		return errors.Join(lost, err)
	default:
		return lost
	}
}
