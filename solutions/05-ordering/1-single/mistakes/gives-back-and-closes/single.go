// What fails is given back with a nack, and then the channel is closed: once too often. At the nack RabbitMQ sends the message
// here again, as the last of ten, and a quorum queue takes back what a channel had in the order in which it was sent.
// In production: on a classic queue all is well, and in the tests, where one message is in the queue. On a quorum queue step-2
// comes back behind step-11.
//
// want TestFailedStepComesFirst: "out of turn"

// Package single handles the messages of a queue in their order.
package single

import (
	"context"
	"errors"
	"fmt"
	"math"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, of whose consumers one is active and the others stand by.
func Declare(ch *amqp.Channel, queue, kind string) error {
	args := amqp.Table{"x-queue-type": kind, "x-single-active-consumer": true}
	switch kind {
	case "quorum":
		args["x-delivery-limit"] = math.MaxInt32
		fallthrough
	case "classic":
		if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
			return fmt.Errorf("declare %q: %w", queue, err)
		}
		return nil
	}
	return fmt.Errorf("declare %q: there is no kind %q", queue, kind)
}

// Run hands the messages of queue to handle in their order.
func Run(ctx context.Context, conn *amqp.Connection, queue string, handle func(context.Context, amqp.Delivery) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	if err := ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("qos: %w", err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	active, end := context.WithCancel(context.WithoutCancel(ctx))
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		<-closed
		end()
	}()

	stopped := false
	for !stopped && err == nil {
		select {
		case <-ctx.Done():
			stopped = true
		case d, ok := <-deliveries:
			if stopped = ctx.Err() != nil; stopped {
				break
			}
			if !ok {
				err = fmt.Errorf("consume %q: channel, connection or queue is gone", queue)
				break
			}
			err = settle(d, handle(active, d))
		}
	}
	return err
}

// settle answers a message: an error gives it back.
func settle(d amqp.Delivery, err error) error {
	if err == nil {
		return d.Ack(false)
	}
	return errors.Join(err, d.Nack(false, true))
}
