// Package blocked publishes where there may be no room: a queue has its limit and refuses, or RabbitMQ has no memory or disk
// left and blocks who publishes. It says so at once and keeps nothing for later. How many messages may be under way is 03/3.
package blocked

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
	if limit < 1 {
		return fmt.Errorf("declare queue %q: limit %d must be at least 1", queue, limit)
	}
	_, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{
		"x-max-length": limit,
		"x-overflow":   "reject-publish", // without it RabbitMQ takes the new message and drops the oldest
	})
	if err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	return nil
}

// A Publisher publishes over one channel of its own. It may be used by many goroutines at once.
type Publisher struct {
	ch    *amqp.Channel
	turn  chan struct{} // full while a message is being written
	close sync.Once

	mu      sync.Mutex    // guards blocked
	blocked chan struct{} // closed while RabbitMQ blocks the connection; then another one takes its place
}

// NewPublisher returns a publisher on conn. It is made before anything is published on conn.
//   - onBlocked is called with true when RabbitMQ begins to block conn, and with false when it ends that: in this order, one
//     call after the other, on a goroutine of the publisher's. Publish knows before onBlocked is called, and onBlocked may
//     call Publish. It may be nil.
//   - That goroutine ends when conn is closed or lost, and not at Close. Nothing is called because of that.
//   - It fails: an error, and no channel is left open. conn is the caller's and stays open.
func NewPublisher(conn *amqp.Connection, onBlocked func(bool)) (*Publisher, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	if err := ch.Confirm(false); err != nil {
		ch.Close()
		return nil, fmt.Errorf("select confirm mode: %w", err)
	}
	p := &Publisher{ch: ch, turn: make(chan struct{}, 1), blocked: make(chan struct{})}
	go p.listen(conn.NotifyBlocked(make(chan amqp.Blocking, 8)), onBlocked)
	return p, nil
}

// listen takes note of what RabbitMQ says, until the connection ends.
func (p *Publisher) listen(notices <-chan amqp.Blocking, onBlocked func(bool)) {
	for notice := range notices {
		p.block(notice.Active)
		if onBlocked != nil {
			onBlocked(notice.Active)
		}
	}
	p.block(false) // nobody blocks a connection that is gone: Publish says so
}

// block notes whether RabbitMQ blocks the connection.
func (p *Publisher) block(active bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.blocked:
		if !active {
			p.blocked = make(chan struct{})
		}
	default:
		if active {
			close(p.blocked)
		}
	}
}

// blocking returns what is closed when RabbitMQ blocks the connection.
func (p *Publisher) blocking() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.blocked
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
	blocking := p.blocking()
	select {
	case p.turn <- struct{}{}:
	case <-blocking:
		return ErrBlocked
	case <-ctx.Done():
		return fmt.Errorf("wait to publish to queue %q: nothing was sent: %w", queue, ctx.Err())
	}
	select {
	case <-blocking: // with several cases ready, select may have taken the turn
		<-p.turn
		return ErrBlocked
	default:
	}

	type outcome struct {
		answer *amqp.DeferredConfirmation
		err    error
	}
	written := make(chan outcome, 1)
	go func() { // the library looks at ctx before it writes, and no more while it does
		answer, err := p.ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, m)
		<-p.turn
		written <- outcome{answer, err}
	}()
	var out outcome
	select {
	case out = <-written:
	case <-ctx.Done():
		return fmt.Errorf("write to queue %q: RabbitMQ may get the message: %w", queue, ctx.Err())
	}
	if out.err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, out.err)
	}

	acked, err := out.answer.WaitContext(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("wait for the answer to a message to queue %q: %w", queue, err)
	case acked:
		return nil
	case p.ch.IsClosed(): // the library then answers for RabbitMQ, as if it were a nack
		return fmt.Errorf("publish to queue %q: the channel was closed before the answer came", queue)
	}
	return ErrFull
}

// Close closes the publisher's channel. Calls that wait for an answer return an error, as do later ones. Closing again does
// nothing and returns nil, at once.
//   - RabbitMQ takes nothing more from conn, and Close can't tell it: an error that wraps ctx's when ctx ends. What then still
//     waits ends with conn. (The caller closes it with CloseDeadline: Close of a connection waits for RabbitMQ, too.)
//   - conn is the caller's and stays open.
func (p *Publisher) Close(ctx context.Context) error {
	var err error
	p.close.Do(func() {
		closed := make(chan error, 1)
		go func() { closed <- p.ch.Close() }()
		select {
		case err = <-closed:
		case <-ctx.Done():
			err = fmt.Errorf("close the channel: %w", ctx.Err())
		}
	})
	return err
}
