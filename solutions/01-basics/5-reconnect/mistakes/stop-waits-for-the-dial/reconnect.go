// amqp.Dial knows nothing of ctx: it waits up to half a minute for a broker that takes the connection and says nothing.
//
// In production: the broker's machine hangs. Whoever is to be stopped now waits for a login that doesn't come, and is
// killed.
//
// want TestStopBreaksOffConnecting: "Run goes on waiting for it"

package reconnect

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

// Run handles the messages of c.Queue until ctx ends, in one session after another.
func (c *Consumer) Run(ctx context.Context) error {
	pause := c.Pause
	if pause == nil {
		pause = sleep
	}
	var consumed bool
	for attempt := 1; ctx.Err() == nil; attempt++ {
		s, err := c.session(ctx)
		consumed = consumed || s.consumed
		if err != nil && !consumed && isRefusal(err) {
			return err
		}
		if ctx.Err() != nil {
			break
		}
		if s.handled {
			attempt = 1
		}
		if err := pause(ctx, attempt); err != nil && ctx.Err() == nil {
			return fmt.Errorf("pause before attempt %d to consume %q: %w", attempt, c.Queue, err)
		}
	}
	return nil
}

type progress struct {
	consumed, handled bool
}

func (c *Consumer) session(ctx context.Context) (p progress, err error) {
	conn, err := amqp.Dial(c.URL)
	if err != nil {
		return p, fmt.Errorf("connect: %w", err)
	}
	defer func() { conn.CloseDeadline(time.Now().Add(closeTimeout)) }()

	ch, err := conn.Channel()
	if err != nil {
		return p, fmt.Errorf("open a channel: %w", err)
	}
	if _, err := ch.QueueDeclare(c.Queue, true, false, false, false, nil); err != nil {
		return p, fmt.Errorf("declare queue %q: %w", c.Queue, err)
	}
	if err := ch.Qos(c.Prefetch, 0, false); err != nil {
		return p, fmt.Errorf("limit what %q sends ahead: %w", c.Queue, err)
	}
	deliveries, err := ch.Consume(c.Queue, "", false, false, false, false, nil)
	if err != nil {
		return p, fmt.Errorf("consume %q: %w", c.Queue, err)
	}
	p.consumed = true

	for {
		select {
		case <-ctx.Done():
			return p, nil
		case d, ok := <-deliveries:
			if !ok {
				return p, errors.New("the deliveries ended")
			}
			if ctx.Err() != nil {
				return p, nil
			}
			err := c.handle(ctx, d)
			p.handled = true // whatever became of the answer
			if err != nil {
				return p, err
			}
		}
	}
}

func (c *Consumer) handle(ctx context.Context, d amqp.Delivery) error {
	if err := c.Handle(context.WithoutCancel(ctx), d); err != nil {
		return d.Nack(false, true)
	}
	return d.Ack(false)
}

func isRefusal(err error) bool {
	var refusal *amqp.Error
	return errors.As(err, &refusal) && (refusal.Code == amqp.AccessRefused || refusal.Code == amqp.NotAllowed)
}

const closeTimeout = 5 * time.Second

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

func sleep(ctx context.Context, attempt int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(Delay(attempt, rand.Float64())):
		return nil
	}
}
