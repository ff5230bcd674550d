// Returns nil whenever ctx has ended: Work was told to stop, and what fails then comes again anyway.
// In production: a deployment. The order's payment fails in the old process, which says that all is well: nobody is told that
// this partition stands still from now on, and the exit code is 0.
//
// want TestFailedHandleIsNotPassedBy: "ctx ended, then a handle returned an error, and Work returned nil"

package partition

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Exchange chooses the partition of a key, always the same.
const Exchange = "order.partitions"

// Queue returns the name of partition i. The first is 0.
func Queue(i int) string { return fmt.Sprintf("order.partition.%d", i) }

// Declare makes Exchange and n partitions.
func Declare(conn *amqp.Connection, n int) error {
	if n < 1 {
		return fmt.Errorf("cannot make %d partitions", n)
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	for i := range n {
		// Each partition knows n by its dead-letter exchange. Nobody rejects, so nothing goes there.
		args := amqp.Table{"x-queue-type": "quorum", "x-single-active-consumer": true, "x-delivery-limit": int64(1 << 30),
			"x-dead-letter-exchange": fmt.Sprintf("order.partitions-%d", n)}
		if _, err := ch.QueueDeclare(Queue(i), true, false, false, false, args); err != nil {
			return fmt.Errorf("%s: %w", Queue(i), err)
		}
	}
	if err := ch.ExchangeDeclare(Exchange, "x-consistent-hash", true, false, false, false, amqp.Table{}); err != nil {
		return err
	}
	for i := range n {
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
	returned := false
	back := ch.NotifyReturn(make(chan amqp.Return, 1))
	if err := ch.Confirm(false); err != nil {
		return err
	}
	c, err := ch.PublishWithDeferredConfirm(Exchange, key, true, false, amqp.Publishing{
		DeliveryMode: amqp.Persistent, ContentType: "application/json", Headers: amqp.Table{"key": key}, Body: body})
	if err != nil {
		return err
	}
	for {
		select {
		case _, ok := <-back:
			if ok {
				returned = true
			}
			back = nil
		case <-ctx.Done():
			return ctx.Err()
		case <-c.Done():
			select {
			case _, ok := <-back:
				returned = returned || ok
			default:
			}
			if returned || !c.Acked() {
				return errors.New("no partition has it")
			}
			return nil
		}
	}
}

// Work handles the messages of all n partitions until ctx ends.
func Work(ctx context.Context, conn *amqp.Connection, n int, handle func(context.Context, amqp.Delivery) error) error {
	type part struct {
		ch *amqp.Channel
		in <-chan amqp.Delivery
		q  string
	}
	var parts []part
	closeAll := func() {
		for _, p := range parts {
			p.ch.Close()
		}
	}
	for i := range n {
		ch, err := conn.Channel()
		if err != nil {
			closeAll()
			return err
		}
		p := part{ch: ch, q: Queue(i)}
		parts = append(parts, p)
		if err := ch.Qos(10, 0, false); err != nil {
			closeAll()
			return err
		}
		if parts[i].in, err = ch.Consume(p.q, fmt.Sprint("worker-", i), false, false, false, false, nil); err != nil {
			closeAll()
			return err
		}
	}
	parent := ctx
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	var failed atomic.Pointer[error]
	done := make(chan struct{})
	for _, p := range parts {
		go func() {
			defer func() { done <- struct{}{} }()
			defer p.ch.Close()
			for {
				var d amqp.Delivery
				select {
				case <-ctx.Done():
					return
				case got, ok := <-p.in:
					if ctx.Err() != nil {
						return
					}
					if !ok {
						err := fmt.Errorf("%s: closed", p.q)
						failed.CompareAndSwap(nil, &err)
						cancel(err)
						return
					}
					d = got
				}
				err := handle(context.WithoutCancel(ctx), d)
				if err == nil {
					err = p.ch.Ack(d.DeliveryTag, false)
				}
				if err != nil {
					err = fmt.Errorf("%s: %w", p.q, err)
					failed.CompareAndSwap(nil, &err)
					cancel(err)
					return
				}
			}
		}()
	}
	for range parts {
		<-done
	}
	if err := failed.Load(); err != nil && parent.Err() == nil {
		return *err
	}
	return nil // as it was told to
}
