// Package unroutable tells a publisher that nobody asked for its message, and keeps such messages for a human. It sends
// nothing twice: what to do with an unroutable message is for the caller to say.
package unroutable

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Unroutable is the error of a message that RabbitMQ gave back, because no queue took it. To publish it again as it is
// helps only after somebody has bound a queue.
type Unroutable struct {
	Exchange string // where it was published
	Key      string // with which routing key
	Reason   string // RabbitMQ's words: "NO_ROUTE"
}

// Error says which exchange had no queue for which key.
func (u *Unroutable) Error() string {
	return fmt.Sprintf("exchange %q has no queue for key %q: %s", u.Exchange, u.Key, u.Reason)
}

// A Publisher publishes on one channel, and knows what became of each message. It may be used by many goroutines at once.
type Publisher struct {
	// TODO(02/5): the channel, and what is known of the calls that wait.
}

// NewPublisher returns a Publisher for ch, which it puts into confirm mode.
//   - ch is the caller's and stays open. Nobody else publishes on it.
//   - When ch has ended, nothing of the Publisher runs any more.
//   - ch is closed already: an error.
func NewPublisher(ch *amqp.Channel) (*Publisher, error) {
	// TODO(02/5): ask for confirms, listen for returns.
	return nil, notDone
}

// Publish sends m to exchange with key, and waits for RabbitMQ's answer.
//   - nil means: RabbitMQ acked this very message, and at least one queue took it. A queue behind an alternate exchange
//     counts.
//   - No queue took it: an *Unroutable (errors.As), to the caller whose message it was, and to nobody else. Others may
//     wait for a message with the same exchange, key, MessageId and body.
//   - RabbitMQ nacks it, or channel or connection is lost before the answer: an error that is no *Unroutable.
//   - ctx ends before the answer: an error that wraps ctx's. A return that comes later counts for no other call.
//     ctx has ended before: nothing is sent.
//   - Calls wait side by side, however many: one whose answer is slow holds up nobody.
//   - A call publishes once. The message arrives as it was given; it may carry one header more, which replaces what an
//     earlier Publish has put there. m.Headers itself stays as it is: several callers may share it.
//   - Nothing is kept of a call that has returned, nor of a return that comes later.
func (p *Publisher) Publish(ctx context.Context, exchange, key string, m amqp.Publishing) error {
	// TODO(02/5): give the message something to know it by, publish it, wait for the answer; was it returned?
	return notDone
}

// DeclareLost declares the exchange "shop.commands" (direct), and behind it the exchange "shop.lost" with the queue
// "shop.lost": the queue keeps every command that no queue of shop.commands takes, whatever its key.
//   - All of it is durable.
//   - Before shop.commands is there, everything behind it is: a command that comes between two declarations is kept too.
//   - Calling it again changes nothing, and finishes what a lost connection left half done.
//   - One of them is there and differs (a shop.commands without its alternate exchange, say): an error that wraps
//     RabbitMQ's (406). RabbitMQ then closes ch; what is there stays as it is.
func DeclareLost(ch *amqp.Channel) error {
	// TODO(02/5): declare what keeps lost commands, then the exchange for commands.
	return notDone
}
