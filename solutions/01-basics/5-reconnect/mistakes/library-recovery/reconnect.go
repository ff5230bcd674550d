// The recovery of amqp091-go does it all: connections, channels and consumers come back by themselves. But a delivery
// keeps its channel and its tag, and tags start again at 1 on the new channel: the answer to the old tag 2 acks
// whatever is tag 2 now.
//
// In production: after each broken connection a few orders vanish that nobody handled. No error, no log line. The
// default gives up after five tries besides.
//
// want TestLateAnswerTouchesNoOtherMessage: "order-3 was acked, and its handle has not returned"

package reconnect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Consumer handles the messages of one queue, whatever becomes of the connection.
type Consumer struct {
	URL      string
	Queue    string
	Prefetch int
	Handle   func(context.Context, amqp.Delivery) error
	Pause    func(ctx context.Context, attempt int) error
}

// Run handles the messages of c.Queue until ctx ends; amqp091-go reconnects.
func (c *Consumer) Run(ctx context.Context) error {
	conn, err := amqp.DialConfig(c.URL, amqp.Config{Recovery: &amqp.Recovery{
		ReconnectionConfig: &amqp.ReconnectionConfig{MaxRetryCount: math.MaxInt, RetryInterval: firstDelay},
	}})
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	if _, err := ch.QueueDeclare(c.Queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", c.Queue, err)
	}
	if err := ch.Qos(c.Prefetch, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", c.Queue, err)
	}
	deliveries, err := ch.Consume(c.Queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", c.Queue, err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return errors.New("the deliveries ended")
			}
			if ctx.Err() != nil {
				return nil
			}
			if err := c.Handle(context.WithoutCancel(ctx), d); err != nil {
				d.Nack(false, true)
			} else {
				d.Ack(false)
			}
		}
	}
}

const (
	firstDelay = 100 * time.Millisecond
	maxDelay   = 30 * time.Second
)

// Delay returns how long to wait before a try.
func Delay(attempt int, random float64) time.Duration {
	ceiling := firstDelay
	for n := 1; n < attempt && ceiling < maxDelay; n++ {
		ceiling *= 2
	}
	return time.Duration(random * float64(min(ceiling, maxDelay)))
}
