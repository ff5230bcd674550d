// NotifyClose closes its Go channel when the connection is gone. This one has no buffer, and while a handle runs
// nobody receives: the error is dropped, the closed channel gives nil, and nil is taken for a wanted end.
//
// In production: the connection breaks while a message is handled. Run returns nil, the process exits with status 0,
// and nothing restarts it.
//
// want TestCutDuringAHandleIsNoEnd: "Run has returned: <nil>"

package reconnect

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
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

// errGone is how a session ends whose connection was lost.
var errGone = errors.New("the connection was lost")

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
		if err == nil {
			return nil // closed in order
		}
		if !consumed && isRefusal(err) {
			return err
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
	conn, err := connect(ctx, c.URL)
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
	closed := ch.NotifyClose(make(chan *amqp.Error))
	deliveries, err := ch.Consume(c.Queue, "", false, false, false, false, nil)
	if err != nil {
		return p, fmt.Errorf("consume %q: %w", c.Queue, err)
	}
	p.consumed = true

	for {
		select {
		case <-ctx.Done():
			return p, nil
		case cause := <-closed:
			if cause == nil {
				return p, nil
			}
			return p, fmt.Errorf("%w: %w", errGone, cause)
		case d, ok := <-deliveries:
			if !ok {
				if !ch.IsClosed() {
					return p, errGone // the queue was deleted
				}
				deliveries = nil // closed says why
				continue
			}
			if ctx.Err() != nil {
				return p, nil
			}
			if err := c.handle(ctx, d); err == nil {
				p.handled = true
			}
		}
	}
}

// connect makes a connection. The end of ctx breaks that off; of a connection that is made it takes no notice.
func connect(ctx context.Context, url string) (*amqp.Connection, error) {
	detach := func() bool { return true }
	conn, err := amqp.DialConfig(url, amqp.Config{Dial: func(network, address string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: connectTimeout}
		socket, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		detach = context.AfterFunc(ctx, func() { socket.Close() })
		return socket, socket.SetDeadline(time.Now().Add(connectTimeout)) // for the handshake; amqp091-go lifts it
	}})
	detach()
	return conn, err
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

const (
	connectTimeout = 10 * time.Second
	closeTimeout   = 5 * time.Second
)

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
