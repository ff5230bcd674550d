// A goroutine of its own keeps the session alive and puts the present channel into the Consumer; messages are
// answered on that one. When the connection broke while a handle ran, its answer goes to the new channel, where its
// tag belongs to another message.
//
// In production: after each broken connection an order vanishes that nobody handled.
//
// want TestLateAnswerTouchesNoOtherMessage: "order-3 was acked, and its handle has not returned"

package reconnect

import (
	"context"
	"sync"
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

// Run handles the messages of c.Queue until ctx ends; keep reconnects beside it.
func (c *Consumer) Run(ctx context.Context) error {
	l := &link{out: make(chan amqp.Delivery)}
	failed := make(chan error, 1)
	alive, cancel := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		failed <- c.keep(alive, l)
	}()
	defer func() {
		cancel()
		<-kept
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case d := <-l.out:
			if ctx.Err() != nil {
				return nil
			}
			err := c.Handle(context.WithoutCancel(ctx), d)
			if ch := l.channel(); err != nil {
				ch.Nack(d.DeliveryTag, false, true)
			} else {
				ch.Ack(d.DeliveryTag, false)
			}
		}
	}
}

// A link is the present connection to the queue.
type link struct {
	out chan amqp.Delivery

	mu sync.Mutex // guards ch
	ch *amqp.Channel
}

func (l *link) channel() *amqp.Channel {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ch
}

// keep connects again and again, and pumps deliveries into the link.
func (c *Consumer) keep(ctx context.Context, l *link) error {
	for attempt := 1; ctx.Err() == nil; attempt++ {
		if c.pump(ctx, l) {
			attempt = 1
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := c.Pause(ctx, attempt); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// pump puts the deliveries of one session into the link, and says whether there were any.
func (c *Consumer) pump(ctx context.Context, l *link) (some bool) {
	conn, err := amqp.Dial(c.URL)
	if err != nil {
		return false
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return false
	}
	l.mu.Lock()
	l.ch = ch
	l.mu.Unlock()
	if _, err := ch.QueueDeclare(c.Queue, true, false, false, false, nil); err != nil {
		return false
	}
	if err := ch.Qos(c.Prefetch, 0, false); err != nil {
		return false
	}
	deliveries, err := ch.Consume(c.Queue, "", false, false, false, false, nil)
	if err != nil {
		return false
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	for {
		select {
		case <-ctx.Done():
			return some
		case d, ok := <-deliveries:
			if !ok {
				return some
			}
			select {
			case l.out <- d:
				some = true
			case <-closed:
				return some
			case <-ctx.Done():
				return some
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
