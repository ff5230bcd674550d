// Package reconnect consumes a queue over as many connections as it takes. It only consumes: a publisher that
// reconnects has to know what arrived, see 03/5.
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
	// URL is the broker's: "amqp://user:password@host:5672/vhost".
	URL string
	// Queue is a durable queue without arguments. Every session declares it; other processes may consume it too.
	Queue string
	// Prefetch is how many messages are sent ahead of their answers, at least 1.
	Prefetch int
	// Handle is called with one message after another. nil acks it, an error gives it back.
	Handle func(context.Context, amqp.Delivery) error
	// Pause waits before Run tries again. attempt is 1 the first time and after a session in which Handle returned, with
	// nil or an error; otherwise it is one more than last time. An error ends Run. nil waits for Delay(attempt, random).
	Pause func(ctx context.Context, attempt int) error
}

// Run handles the messages of c.Queue until ctx ends, in one session after another.
//   - A session is made from scratch: connection, channel, queue, prefetch, consumer. It ends when any of them is
//     gone: the connection, the channel, the consumer (somebody deleted the queue). A broker that isn't there yet is
//     the same case.
//   - Then its connection is closed, Pause is called, and the next session begins; Run never gives up by itself.
//   - A handle that runs while its session is lost may finish before the next session begins. Its answer goes
//     nowhere, least of all to another channel: the broker gives that message out again.
//   - ctx ends: begin no message, let the running handle finish (the context it gets does not end with ctx) and
//     answer, close the connection, return nil. The same in a pause, and while a connection is being made: a broker
//     that takes it and says nothing holds up nobody.
//   - Pause returns an error and ctx has not ended: return that error.
//   - Stretch: until a session of this Run has its consumer, a refusal that waiting hardly mends is returned at once,
//     wrapped: 403 (user, password, permission) and 530 (no such virtual host). From then on they are tried again:
//     amqp091-go reports a connection that breaks in its handshake as a 403 too.
func (c *Consumer) Run(ctx context.Context) error {
	pause := c.Pause
	if pause == nil {
		pause = sleep
	}
	var consumed bool // at least once
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

// progress is how far a session came.
type progress struct {
	consumed bool // the broker sends messages
	handled  bool // a handle has returned
}

// session handles messages over a connection of its own until ctx ends, which is no error, or something of it is gone.
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
	deliveries, err := ch.Consume(c.Queue, "", false, false, false, false, nil)
	if err != nil {
		return p, fmt.Errorf("consume %q: %w", c.Queue, err)
	}
	p.consumed = true

	for {
		select {
		case <-ctx.Done():
			return p, nil
		case d, ok := <-deliveries: // ends with the consumer, the channel and the connection alike
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

// handle handles a message and answers it on the channel that it came from.
func (c *Consumer) handle(ctx context.Context, d amqp.Delivery) error {
	if err := c.Handle(context.WithoutCancel(ctx), d); err != nil {
		return d.Nack(false, true)
	}
	return d.Ack(false)
}

// isRefusal tells whether the broker said no in a way that another try doesn't change.
func isRefusal(err error) bool {
	var refusal *amqp.Error
	return errors.As(err, &refusal) && (refusal.Code == amqp.AccessRefused || refusal.Code == amqp.NotAllowed)
}

// A broker that doesn't answer is as good as one that is not there.
const (
	connectTimeout = 10 * time.Second
	closeTimeout   = 5 * time.Second
)

const (
	firstDelay = 100 * time.Millisecond
	maxDelay   = 30 * time.Second
)

// Delay returns how long to wait before a try: random times the ceiling. The ceiling is 100 ms for attempt 1, doubles with
// each attempt, and ends at 30 s, from attempt 10 on. random is in [0, 1): it spreads the programs that all lost the same
// broker. Attempts below 1 count as 1.
func Delay(attempt int, random float64) time.Duration {
	ceiling := firstDelay
	for n := 1; n < attempt && ceiling < maxDelay; n++ {
		ceiling *= 2
	}
	return time.Duration(random * float64(min(ceiling, maxDelay)))
}

// sleep is the Pause of a Consumer that has none.
func sleep(ctx context.Context, attempt int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(Delay(attempt, rand.Float64())):
		return nil
	}
}
