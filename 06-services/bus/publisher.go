package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"warren.example/06-services/events"
)

// A Publisher publishes over one connection at a time, and makes a new one when it is lost. Many goroutines may use it at once.
type Publisher struct {
	config Config
	window int
	life   context.Context // ends with Close
	end    context.CancelFunc

	mu         sync.Mutex
	current    *sender       // nil, or the last one; it may be lost
	connecting chan struct{} // while a goroutine connects; closed when it has
	dials      int
	tries      int // of dials, since RabbitMQ last took a message
}

// NewPublisher returns a publisher with at most window messages under way. It connects when it first has something to publish.
// It returns an error for a configuration that can't be right.
func NewPublisher(c Config, window int) (*Publisher, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if window < 1 {
		return nil, fmt.Errorf("bus: a window of %d messages: it must be at least 1", window)
	}
	p := &Publisher{config: c, window: window}
	p.life, p.end = context.WithCancel(context.Background())
	return p, nil
}

// Publish publishes messages in their order, persistent and mandatory, and waits until RabbitMQ has answered each. See
// events.Description for where they go. It returns one result for each message:
//   - nil: RabbitMQ has confirmed it, and a queue has it.
//   - ErrUnroutable: no queue took it. ErrRefused: a queue refused it, being full, say.
//   - ErrUnknown: the connection was lost before the answer, or ctx has ended. RabbitMQ may have it or get it: whoever
//     publishes it again does so under its ID.
//   - ErrUnsent: ctx ended or the connection was lost before it was sent, or the publisher is closed.
//   - An error that wraps events.ErrMalformed: it can't be sent, now or later.
//
// Without a connection, and while RabbitMQ blocks its publishers, it waits, until ctx ends. The next call finds a new
// connection, if there is one to be had. Calls don't wait for each other's answers as long as the window has room.
//
// RabbitMQ closes the channel because of a message that it will never take: one that is too large (406), or for an exchange
// that is missing (404) or forbidden (403). It doesn't say which one. Then all that have no answer are ErrUnknown, and the
// errors wrap an *amqp.Error. Who meets that with several messages publishes them one by one.
func (p *Publisher) Publish(ctx context.Context, messages []events.Message) []error {
	errs := make([]error, len(messages))
	out := make([]outgoing, 0, len(messages))
	index := make([]int, 0, len(messages))
	for i, m := range messages {
		o, err := address(m)
		if err != nil {
			errs[i] = err
			continue
		}
		out = append(out, o)
		index = append(index, i)
	}
	for i, err := range p.send(ctx, out) {
		errs[index[i]] = err
	}
	return errs
}

func (p *Publisher) send(ctx context.Context, messages []outgoing) []error {
	if len(messages) == 0 {
		return nil
	}
	s, err := p.sender(ctx)
	if err != nil {
		errs := make([]error, len(messages))
		fill(errs, fmt.Errorf("%w: %w", ErrUnsent, err))
		return errs
	}
	return s.send(ctx, messages)
}

var (
	errClosed     = errors.New("the publisher is closed")
	errConnecting = errors.New("there is no connection to RabbitMQ")
	errBlocked    = errors.New("RabbitMQ blocks its publishers: it is out of memory or disk")
)

// sender returns a sender that is connected and not blocked, as soon as there is one.
func (p *Publisher) sender(ctx context.Context) (*sender, error) {
	for {
		s, change, err := p.state()
		if err == nil {
			return s, nil
		}
		select {
		case <-change:
		case <-p.life.Done():
			return nil, errClosed
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", err, ctx.Err())
		}
	}
}

// state returns a sender that takes messages, or why there is none and what is closed when that changes. It begins to connect
// if nobody does.
func (p *Publisher) state() (*sender, <-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.life.Err() != nil:
		return nil, p.life.Done(), errClosed
	case p.connecting != nil:
		return nil, p.connecting, errConnecting
	case p.current == nil || p.current.ch.IsClosed():
		p.connecting = make(chan struct{})
		go p.connect(p.current, p.connecting)
		return nil, p.connecting, errConnecting
	}
	free := p.current.unblocked()
	select {
	case <-free:
		return p.current, nil, nil
	default:
		return nil, free, errBlocked
	}
}

// connect tries the URLs in turn until one leads to RabbitMQ, or the publisher is closed.
func (p *Publisher) connect(last *sender, connected chan struct{}) {
	defer close(connected)
	if last != nil {
		last.close()
		if last.worked.Load() {
			p.tries = 0
		}
		p.config.Observe("reconnect", 1)
	}
	var next *sender
	for next == nil && p.life.Err() == nil {
		if p.dials > 0 {
			p.tries++
			p.config.Pause(p.life, p.tries)
		}
		url := p.config.URLs[p.dials%len(p.config.URLs)]
		p.dials++
		s, err := newSender(p.life, p.config, url, p.window)
		if err != nil {
			p.config.Log.Warn("can't connect to RabbitMQ", "error", err, "attempt", p.tries)
			continue
		}
		next = s
	}
	p.mu.Lock()
	p.current, p.connecting = next, nil
	p.mu.Unlock()
}

// Ready returns nil if RabbitMQ takes messages at the moment, and otherwise why not. If there is no connection it begins to
// connect, and doesn't wait.
func (p *Publisher) Ready() error {
	_, _, err := p.state()
	return err
}

// Close ends the publisher: calls that wait for a connection, and later ones, return ErrUnsent. It waits until all that was
// sent is answered, until ctx ends: then it returns ctx's error. When it returns nothing of the publisher runs.
func (p *Publisher) Close(ctx context.Context) error {
	p.mu.Lock()
	p.end()
	connecting := p.connecting
	p.mu.Unlock()
	if connecting != nil {
		<-connecting
	}
	if p.current == nil {
		return nil
	}
	defer p.current.close()
	return p.current.drain(ctx)
}
