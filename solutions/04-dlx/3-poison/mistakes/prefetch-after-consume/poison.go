// The prefetch is set when the consumer is there already. It is for consumers that come later: RabbitMQ sends this one all
// there is.
// In production the process dies, and that is an attempt of each of the ten thousand orders that it was sent.
//
// want TestTenAreSentAhead: "30 of 30 orders were sent to this process"

package poison

import (
	"context"
	"errors"
	"fmt"
	"math"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Declare makes queue, and queue+".parked", where RabbitMQ puts what has used up its attempts.
func Declare(ch *amqp.Channel, queue string, attempts int) error {
	if attempts < 1 {
		return fmt.Errorf("poison: attempts is %d", attempts)
	}
	keep := amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": math.MaxInt32}
	if _, err := ch.QueueDeclare(queue+".parked", true, false, false, false, keep); err != nil {
		return fmt.Errorf("poison: parked queue: %w", err)
	}
	work := amqp.Table{
		"x-queue-type":              "quorum",
		"x-delivery-limit":          attempts - 1,
		"x-dead-letter-exchange":    "",
		"x-dead-letter-routing-key": queue + ".parked",
		"x-dead-letter-strategy":    "at-least-once",
		"x-overflow":                "reject-publish",
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, work); err != nil {
		return fmt.Errorf("poison: queue: %w", err)
	}
	return nil
}

// Consume hands the messages of queue to handle, one after another, until ctx ends.
func Consume(ctx context.Context, ch *amqp.Channel, queue string,
	handle func(ctx context.Context, d amqp.Delivery, attempt int) error) error {
	if ctx.Err() != nil {
		return nil
	}
	c := consumer{ch: ch, queue: queue, handle: handle}
	if err := c.open(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, c.cancel)
	defer stop()
	return c.run(ctx)
}

type consumer struct {
	ch         *amqp.Channel
	queue      string
	handle     func(context.Context, amqp.Delivery, int) error
	deliveries <-chan amqp.Delivery
}

func (c *consumer) tag() string { return c.queue + ".consumer" }

func (c *consumer) open() (err error) {
	c.deliveries, err = c.ch.Consume(c.queue, c.tag(), false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("poison: consume: %w", err)
	}
	if err := c.ch.Qos(10, 0, false); err != nil {
		return fmt.Errorf("poison: qos: %w", err)
	}
	return nil
}

func (c *consumer) cancel() { c.ch.Cancel(c.tag(), false) }

func (c *consumer) run(ctx context.Context) error {
	var late []amqp.Delivery
	for d := range c.deliveries {
		if ctx.Err() != nil {
			late = append(late, d)
		} else if err := c.one(ctx, d); err != nil {
			return fmt.Errorf("poison: answer: %w", err)
		}
	}
	if ctx.Err() == nil || c.ch.IsClosed() {
		return errors.New("poison: nothing is delivered any more")
	}
	for _, d := range late {
		if err := d.Nack(false, true); err != nil {
			return fmt.Errorf("poison: give back: %w", err)
		}
	}
	return nil
}

func (c *consumer) one(ctx context.Context, d amqp.Delivery) error {
	if c.try(context.WithoutCancel(ctx), d) != nil {
		return d.Reject(true)
	}
	return d.Ack(false)
}

func (c *consumer) try(ctx context.Context, d amqp.Delivery) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	attempt := 1
	if before, ok := d.Headers["x-delivery-count"].(int64); ok && d.Redelivered {
		attempt = int(before) + 1
	}
	return c.handle(ctx, d, attempt)
}
