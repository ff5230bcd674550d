// All partitions come together in one Go channel, and one loop handles what is in it.
// In production: the payment provider takes a minute for one order, and nothing of any partition is handled meanwhile. There are n
// queues, and the work goes on as if there was one.
//
// want TestBlockedPartitionHoldsUpNoOther: "hangs, in partition 0"

package partition

import (
	"context"
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
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(10, 0, false); err != nil {
		return err
	}
	over := make(chan struct{})
	var pumps sync.WaitGroup
	defer pumps.Wait()
	defer close(over)
	all, lost := make(chan amqp.Delivery), make(chan int, n)
	for i := range n {
		deliveries, err := ch.Consume(Queue(i), "", false, false, false, false, nil)
		if err != nil {
			return fmt.Errorf("consume partition %d: %w", i, err)
		}
		pumps.Go(func() {
			for {
				select {
				case <-over:
					return
				case d, ok := <-deliveries:
					if !ok {
						lost <- i
						return
					}
					select {
					case all <- d:
					case <-over:
						return
					}
				}
			}
		})
	}
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case i := <-lost:
			return fmt.Errorf("partition %d is lost", i)
		case d := <-all:
			if ctx.Err() != nil {
				break
			}
			if err := handle(context.WithoutCancel(ctx), d); err != nil {
				return fmt.Errorf("handle a message of %s: %w", d.RoutingKey, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack a message of %s: %w", d.RoutingKey, err)
			}
		}
	}
	return nil
}
