// It counts the attempts itself, in a map, so that it works with any queue; Declare tells it the limit.
// In production an order kills its process. The next one has an empty map: it begins at 1, and dies of it too, all day.
//
// want TestCrashCountsAsAnAttempt: "died 1 times over order-7, it comes with x-delivery-count 1, and handle was told attempt 1"

package poison

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// limits are the attempts that Declare was told, by queue.
var limits sync.Map

// Declare makes queue, and queue+".parked", where RabbitMQ puts what has used up its attempts.
func Declare(ch *amqp.Channel, queue string, attempts int) error {
	if attempts < 1 {
		return errors.New("too few attempts")
	}
	args := amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": math.MaxInt32}
	if _, err := ch.QueueDeclare(queue+".parked", true, false, false, false, args); err != nil {
		return err
	}
	args["x-dead-letter-exchange"] = ""
	args["x-dead-letter-routing-key"] = queue + ".parked"
	args["x-dead-letter-strategy"] = "at-least-once"
	args["x-overflow"] = "reject-publish"
	if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
		return err
	}
	limits.Store(queue, attempts)
	return nil
}

// Consume hands the messages of queue to handle, one after another, until ctx ends.
func Consume(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(ctx context.Context, d amqp.Delivery, attempt int) error) error {
	limit, ok := limits.Load(queue)
	if !ok {
		return fmt.Errorf("%q: declare it first", queue)
	}
	if ctx.Err() != nil {
		return nil
	}
	if err := ch.Qos(10, 0, false); err != nil {
		return err
	}
	tag := rand.Text()
	deliveries, err := ch.Consume(queue, tag, false, false, false, false, nil)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { ch.Cancel(tag, false) })
	defer stop()

	tries := make(map[string]int) // by message
	var untried []amqp.Delivery
	for d := range deliveries {
		if ctx.Err() != nil {
			untried = append(untried, d)
			continue
		}
		key := d.MessageId + string(d.Body)
		tries[key]++
		failed := guard(func() error { return handle(context.WithoutCancel(ctx), d, tries[key]) })
		switch {
		case failed == nil:
			delete(tries, key)
			err = d.Ack(false)
		case tries[key] >= limit.(int):
			delete(tries, key)
			err = d.Reject(false)
		default:
			err = d.Reject(true)
		}
		if err != nil {
			return err
		}
	}
	if ctx.Err() == nil {
		return errors.New("channel, connection or queue is lost")
	}
	for _, d := range untried {
		if err := d.Nack(false, true); err != nil {
			return err
		}
	}
	return nil
}

func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}
