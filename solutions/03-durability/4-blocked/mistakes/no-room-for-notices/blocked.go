// The Go channel for notices has no room. While onBlocked runs nobody takes one, and the library waits for that.
//
// In production: onBlocked publishes "open again" and waits for the answer, which the library doesn't read, for it waits with
// the next notice. After 5 seconds it throws the notice away, and Publish doesn't know that RabbitMQ blocks.
//
// want TestNoticesWaitForOnBlocked: "onBlocked was called with [true false]"

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
	go p.listen(conn.NotifyBlocked(make(chan amqp.Blocking)), onBlocked)
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
