// An exclusive consumer instead of a single active one: on a classic queue RabbitMQ refuses the second (403), on a quorum queue
// it ignores the wish.
// In production: the second process ends with an error at its start, and the one that restarts it gives up after some tries. When
// the first dies at night, nobody is there. On a quorum queue both work, and each gets every other step.
//
// want TestStandByStops: "called Run, which returned"

// Package single handles the messages of a queue in their order.
package single

import (
	"context"
	"errors"
	"fmt"
	"math"

	amqp "github.com/rabbitmq/amqp091-go"
)

var errKind = errors.New("a queue is classic or quorum")

// Declare makes queue.
func Declare(ch *amqp.Channel, queue, kind string) error {
	if err := declare(ch, queue, kind); err != nil {
		return fmt.Errorf("declare %q: %w", queue, err)
	}
	return nil
}

func declare(ch *amqp.Channel, queue, kind string) error {
	if kind != "classic" && kind != "quorum" {
		return errKind
	}
	args := amqp.Table{"x-queue-type": kind}
	if kind == "quorum" {
		args["x-delivery-limit"] = math.MaxInt32
	}
	_, err := ch.QueueDeclare(queue, true, false, false, false, args)
	return err
}

// Run hands the messages of queue to handle in their order.
func Run(ctx context.Context, conn *amqp.Connection, queue string, handle func(context.Context, amqp.Delivery) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	if err := ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("set the prefetch: %w", err)
	}
	const exclusive = true // one at a time
	deliveries, err := ch.Consume(queue, "", false, exclusive, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	c := &consumer{deliveries: deliveries, handle: handle}
	var end context.CancelFunc
	c.work, end = context.WithCancel(context.WithoutCancel(ctx))
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		<-closed
		end()
	}()
	for ctx.Err() == nil {
		if err := c.next(ctx); err != nil {
			return err
		}
	}
	return nil
}

type consumer struct {
	deliveries <-chan amqp.Delivery
	handle     func(context.Context, amqp.Delivery) error
	work       context.Context
}

// next handles one message, unless ctx ends before there is one.
func (c *consumer) next(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case d, ok := <-c.deliveries:
		if ctx.Err() != nil {
			return nil
		}
		if !ok {
			return errors.New("the consumer is gone")
		}
		if err := c.handle(c.work, d); err != nil {
			return fmt.Errorf("handle: %w", err)
		}
		return d.Ack(false)
	}
}
