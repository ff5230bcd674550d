// Where the library refuses to send a message, its place is not given back: no answer will come.
//
// In production: somebody puts an int8 or a struct into a header, and each of these messages makes the window one smaller.
// Then nothing is sent any more, and nothing says so.
//
// want TestWhatIsNotSentKeepsNoPlace: "Publish of order-2 still waits"

package window

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Result is what became of a message.
type Result int

// The results. Only Unknown comes with an error.
const (
	Unknown  Result = iota // no answer came: RabbitMQ may have the message, or not
	Stored                 // acked: every queue that should have it has it
	Refused                // nacked: a queue that should have it did not take it; one that is full, for example
	Returned               // there is no queue for it: RabbitMQ sent it back
)

// String returns "stored", "refused", "returned" or "unknown".
func (r Result) String() string {
	switch r {
	case Stored:
		return "stored"
	case Refused:
		return "refused"
	case Returned:
		return "returned"
	}
	return "unknown"
}

// A Publisher publishes over one channel of its own. It may be used by many goroutines at once.
type Publisher struct {
	ch      *amqp.Channel
	returns chan amqp.Return
	places  chan struct{} // holds one for each message that is outstanding
	closing chan struct{} // closed when Close begins
	close   sync.Once

	mu       sync.Mutex     // guards what follows
	last     int64          // number of the last message
	returned map[int64]bool // numbers of messages that came back and whose answer is still to come
}

// numbered is the header by which a message that comes back is known again. A MessageId would not do: a message that is
// tried again has the same.
const numbered = "window-number"

// NewPublisher returns a publisher with at most window messages outstanding: sent, and not answered.
func NewPublisher(conn *amqp.Connection, window int) (*Publisher, error) {
	if window < 1 {
		return nil, fmt.Errorf("a window of %d messages: it must be at least 1", window)
	}
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	if err := ch.Confirm(false); err != nil {
		ch.Close()
		return nil, fmt.Errorf("select confirm mode: %w", err)
	}
	return &Publisher{
		ch:       ch,
		returns:  ch.NotifyReturn(make(chan amqp.Return, window)), // each message outstanding may come back
		places:   make(chan struct{}, window),
		closing:  make(chan struct{}),
		returned: make(map[int64]bool),
	}, nil
}

// Publish sends m with key to exchange, once, waits for RabbitMQ's answer to it, and returns what that was.
func (p *Publisher) Publish(ctx context.Context, exchange, key string, m amqp.Publishing) (Result, error) {
	select {
	case p.places <- struct{}{}:
	case <-p.closing:
		return Unknown, errClosed
	case <-ctx.Done():
		return Unknown, fmt.Errorf("wait for a place in the window: nothing was sent: %w", ctx.Err())
	}
	select {
	case <-p.closing: // with several cases ready, select may have taken the place
		<-p.places
		return Unknown, errClosed
	default:
	}

	number := p.number()
	m.Headers = maps.Clone(m.Headers)
	if m.Headers == nil {
		m.Headers = make(amqp.Table)
	}
	m.Headers[numbered] = number
	answer, err := p.ch.PublishWithDeferredConfirmWithContext(ctx, exchange, key, true, false, m)
	if err != nil {
		return Unknown, fmt.Errorf("publish to exchange %q with key %q: %w", exchange, key, err)
	}

	select {
	case <-answer.Done():
		return p.settle(number, answer)
	case <-ctx.Done():
		go func() { // the message is still under way: it keeps its place
			<-answer.Done()
			p.settle(number, answer)
		}()
		return Unknown, fmt.Errorf("wait for the answer to a message for exchange %q with key %q: %w", exchange, key, ctx.Err())
	}
}

var (
	errClosed = errors.New("the publisher is closed: nothing was sent")
	errLost   = errors.New("the channel was closed before the answer came")
)

// number returns the number of a new message.
func (p *Publisher) number() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	return p.last
}

// settle gives back the place of a message that was answered, and returns what the answer means.
func (p *Publisher) settle(number int64, answer *amqp.DeferredConfirmation) (Result, error) {
	defer func() { <-p.places }()
	if p.cameBack(number) {
		return Returned, nil
	}
	if answer.Acked() {
		return Stored, nil
	}
	if p.ch.IsClosed() { // the library then answers for RabbitMQ, as if it were a nack
		return Unknown, errLost
	}
	return Refused, nil
}

// cameBack tells whether a message that was answered has been returned. RabbitMQ returns first and then answers, and the
// library hands out both in that order: what was returned is in the Go channel by now.
func (p *Publisher) cameBack(number int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.returns) > 0 {
		back := <-p.returns
		if n, ok := back.Headers[numbered].(int64); ok {
			p.returned[n] = true
		}
	}
	was := p.returned[number]
	delete(p.returned, number)
	return was
}

// Close ends the publisher: calls that wait for a place, and later ones, return an error, and nothing of them is sent.
func (p *Publisher) Close(ctx context.Context) error {
	var err error
	p.close.Do(func() {
		close(p.closing)
		err = p.wait(ctx)
		if closeErr := p.ch.Close(); err == nil {
			err = closeErr
		}
	})
	return err
}

// wait waits until no message is outstanding: until it has all the places itself.
func (p *Publisher) wait(ctx context.Context) error {
	for range cap(p.places) {
		select {
		case p.places <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("wait for the answers to all messages: %w", ctx.Err())
		}
	}
	return nil
}
