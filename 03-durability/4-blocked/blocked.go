// Package blocked publishes where there may be no room: a queue has its limit and refuses, or RabbitMQ has no memory or disk
// left and blocks who publishes. It says so at once and keeps nothing for later. How many messages may be under way is 03/3.
package blocked

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"
)

// What Publish returns when there is no room. Trying again later may help.
var (
	ErrFull    = errors.New("the queue is full")
	ErrBlocked = errors.New("RabbitMQ blocks publishers")
)

// Declare declares a durable queue that takes limit messages and refuses the next one, until there is room again. It drops
// nothing.
//   - Declaring it again changes nothing and is no error. A queue of that name with other properties: an error.
//   - limit below 1: an error, and nothing is declared.
func Declare(ch *amqp.Channel, queue string, limit int) error {
	// TODO(03/4): look at limit, declare the queue with the arguments that make it refuse.
	return notDone
}

// A Publisher publishes over one channel of its own. It may be used by many goroutines at once.
type Publisher struct {
	// TODO(03/4): the channel, whose turn it is to write, and whether RabbitMQ blocks.
}

// NewPublisher returns a publisher on conn. It is made before anything is published on conn.
//   - onBlocked is called with true when RabbitMQ begins to block conn, and with false when it ends that: in this order, one
//     call after the other, on a goroutine of the publisher's. Publish knows before onBlocked is called, and onBlocked may
//     call Publish. It may be nil.
//   - That goroutine ends when conn is closed or lost, and not at Close. Nothing is called because of that.
//   - It fails: an error, and no channel is left open. conn is the caller's and stays open.
func NewPublisher(conn *amqp.Connection, onBlocked func(bool)) (*Publisher, error) {
	// TODO(03/4): open a channel, ask for confirms, start a goroutine that listens to what RabbitMQ says about conn.
	return nil, notDone
}

// Publish sends m to queue through the default exchange, and waits for RabbitMQ's answer to it.
//   - nil: RabbitMQ acked it. ErrFull: RabbitMQ refused it (a nack), the queue doesn't have it. (That there is no such queue
//     goes unnoticed here: see 02/5.)
//   - RabbitMQ blocks the connection, or begins to while Publish waits for its turn to write: ErrBlocked, at once, and
//     nothing is sent, now or later. A message that was being written when the blocking began may be stored: Publish goes
//     on waiting for its answer. When the blocking has ended Publish sends again.
//   - ctx ends: an error that wraps ctx's, at once, even while a write hangs. If it had ended before, or others were
//     writing, nothing is sent, now or later. If m was being written, or written already, RabbitMQ may have it, or get it
//     later: m's body must not be changed after that.
//   - Calls wait for each other's writes, not for each other's answers.
//   - Channel or connection lost: another error, also for later calls, and also if RabbitMQ was blocking it.
func (p *Publisher) Publish(ctx context.Context, queue string, m amqp.Publishing) error {
	// TODO(03/4): blocked? wait for the turn, write where a hang holds up nobody, wait for the answer.
	return notDone
}

// Close closes the publisher's channel. Calls that wait for an answer return an error, as do later ones. Closing again does
// nothing and returns nil, at once.
//   - RabbitMQ takes nothing more from conn, and Close can't tell it: an error that wraps ctx's when ctx ends. What then still
//     waits ends with conn. (The caller closes it with CloseDeadline: Close of a connection waits for RabbitMQ, too.)
//   - conn is the caller's and stays open.
func (p *Publisher) Close(ctx context.Context) error {
	// TODO(03/4): close the channel, and don't wait for that longer than ctx.
	return notDone
}
