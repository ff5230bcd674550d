// One consumer is active, and five workers share its deliveries, as in 01/4.
// In production: the queue has a single active consumer, so everybody believes in the order. Inside that consumer the card is
// charged while the goods are still being reserved, or after that has failed.
//
// want TestOneAfterTheOther: "out of turn"

// Package single handles the messages of a queue in their order.
package single

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

const workers = 5

// Declare makes queue, of whose consumers one is active and the others stand by.
func Declare(ch *amqp.Channel, queue, kind string) error {
	args := amqp.Table{amqp.QueueTypeArg: kind, amqp.SingleActiveConsumerArg: true}
	switch kind {
	case amqp.QueueTypeQuorum:
		args["x-delivery-limit"] = math.MaxInt32
	case amqp.QueueTypeClassic:
	default:
		return fmt.Errorf("no such kind of queue: %q", kind)
	}
	_, err := ch.QueueDeclare(queue, true, false, false, false, args)
	if err != nil {
		return fmt.Errorf("declare %s: %w", queue, err)
	}
	return nil
}

// Run hands the messages of queue to handle in their order.
func Run(ctx context.Context, conn *amqp.Connection, queue string, handle func(context.Context, amqp.Delivery) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(2*workers, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	active, end := context.WithCancel(context.WithoutCancel(ctx))
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() { <-closed; end() }()

	stop, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var pool sync.WaitGroup
	for range workers {
		pool.Go(func() {
			for {
				select {
				case <-stop.Done():
					return
				case d, ok := <-deliveries:
					if stop.Err() != nil {
						return
					}
					if !ok {
						fail(errors.New("no more deliveries"))
						return
					}
					if err := handle(active, d); err != nil {
						fail(err)
						return
					}
					if err := d.Ack(false); err != nil {
						fail(err)
						return
					}
				}
			}
		})
	}
	pool.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(stop)
}
