// Package reconnect consumes a queue over as many connections as it takes. It only consumes: a publisher that
// reconnects has to know what arrived, see 03/5.
package reconnect

import (
	"context"
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
	// TODO(01/5): until ctx ends: connect, declare, consume, handle until something is gone; close, pause, once more.
	return notDone
}

// Delay returns how long to wait before a try: random times the ceiling. The ceiling is 100 ms for attempt 1, doubles with
// each attempt, and ends at 30 s, from attempt 10 on. random is in [0, 1): it spreads the programs that all lost the same
// broker. Attempts below 1 count as 1.
func Delay(attempt int, random float64) time.Duration {
	// TODO(01/5): a ceiling that doubles with each attempt and ends at 30 s; random times it.
	return notDelayed
}
