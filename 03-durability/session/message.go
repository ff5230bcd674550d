package session

import (
	"context"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Message is on its way to the broker: where to, what, and what became of it.
type Message struct {
	Exchange, Key string
	Publishing    amqp.Publishing

	once sync.Once
	told chan struct{} // closed by Tell
	err  error
}

// NewMessage returns a message of which nobody knows anything yet. It returns an error for what AMQP can't carry: a name, a key
// or a property longer than 255 bytes, a header of a type that it doesn't know.
func NewMessage(exchange, key string, p amqp.Publishing) (*Message, error) {
	for _, short := range []string{exchange, key, p.ContentType, p.ContentEncoding, p.CorrelationId, p.ReplyTo, p.Expiration,
		p.MessageId, p.Type, p.UserId, p.AppId} {
		if len(short) > maxShort {
			return nil, fmt.Errorf("%q… has %d bytes, AMQP allows %d", short[:20], len(short), maxShort)
		}
	}
	for name := range p.Headers {
		if len(name) > maxShort {
			return nil, fmt.Errorf("header %q… has %d bytes, AMQP allows %d", name[:20], len(name), maxShort)
		}
	}
	if err := p.Headers.Validate(); err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	return &Message{Exchange: exchange, Key: key, Publishing: p, told: make(chan struct{})}, nil
}

// maxShort is how long AMQP's short strings may be, in bytes.
const maxShort = 255

// Tell tells those who wait what became of the message: nil means that the broker has it. The first word counts.
func (m *Message) Tell(err error) {
	m.once.Do(func() {
		m.err = err
		close(m.told)
	})
}

// Wait waits for Tell and returns what it told. If ctx ends first: an *Unknown. The message itself goes on then.
func (m *Message) Wait(ctx context.Context) error {
	select {
	case <-m.told:
		return m.err
	case <-ctx.Done():
		return &Unknown{Messages: 1, Cause: ctx.Err()}
	}
}

// Unknown says that nobody knows whether the broker has messages: it does, or doesn't, or will. Who publishes one of them again
// does so with its message id, so that a consumer can see the double.
type Unknown struct {
	Messages int   // how many
	Cause    error // why nobody waits for their answers any longer
}

func (u *Unknown) Error() string { return fmt.Sprintf("%d messages unknown: %v", u.Messages, u.Cause) }

// Unwrap returns the cause.
func (u *Unknown) Unwrap() error { return u.Cause }
