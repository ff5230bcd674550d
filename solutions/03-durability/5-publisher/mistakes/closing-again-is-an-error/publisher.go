// Close says that the publisher is closed when it is called again.
//
// In production: a defer and an orderly end both close the publisher; every good end of the program is logged as a
// failure.
//
// want TestNothingIsTakenAfterClose: "closing again does nothing"

package publisher

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/session"
)

// A Publisher publishes messages, whatever becomes of the connection.
type Publisher struct {
	URLs   []string
	Window int
	Pause  func(ctx context.Context, attempt int) error

	begin, end sync.Once
	taken      chan *session.Message   // from Publish to run
	last       chan struct{}           // closed by Close: nothing more is taken
	done       chan struct{}           // closed when run has ended
	cut        context.CancelCauseFunc // ends run's ctx

	// What follows is run's own, until done is closed.

	pending []*session.Message // taken and not answered, oldest first
	careful int                // so many go out one by one: the broker won't take one of them, and doesn't say which
	up      bool               // there has been a session
	err     error              // why run gave up
}

// Publish takes a message, and returns when it has: m.Wait tells what became of it.
func (p *Publisher) Publish(ctx context.Context, exchange, key string, m amqp.Publishing) (*session.Message, error) {
	if m.MessageId == "" {
		m.MessageId = rand.Text()
	}
	message, err := session.NewMessage(exchange, key, m)
	if err != nil {
		return nil, fmt.Errorf("publish to exchange %q: %w", exchange, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("publish to exchange %q: %w", exchange, err)
	}
	p.begin.Do(p.start)
	select {
	case p.taken <- message:
		return message, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to publish to exchange %q: %w", exchange, ctx.Err())
	case <-p.last:
		return nil, fmt.Errorf("publish to exchange %q: %w", exchange, errClosed)
	case <-p.done:
		return nil, fmt.Errorf("publish to exchange %q: %w", exchange, cmp.Or(p.err, errClosed))
	}
}

// Close takes no more messages and sends what is left.
func (p *Publisher) Close(ctx context.Context) error {
	p.begin.Do(p.start)
	again := true
	p.end.Do(func() { close(p.last); again = false })
	if again {
		return errClosed
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.cut(ctx.Err())
		<-p.done
	}
	return p.err
}

var errClosed = errors.New("the publisher is closed")

func (p *Publisher) start() {
	ctx, cut := context.WithCancelCause(context.Background())
	p.taken, p.last, p.done, p.cut = make(chan *session.Message), make(chan struct{}), make(chan struct{}), cut
	go func() {
		defer close(p.done)
		defer cut(nil)
		err := p.run(ctx)
		if len(p.pending) == 0 { // nobody is left who would have to know
			return
		}
		p.err = err
		for _, m := range p.pending {
			m.Tell(err)
		}
	}()
}

func (p *Publisher) run(ctx context.Context) error {
	pause := p.Pause
	if pause == nil {
		pause = session.Pause
	}
	attempt := 0
	for try := 0; p.wanted(); try++ {
		if try > 0 {
			attempt++
			err := pause(ctx, attempt)
			if ctx.Err() != nil {
				err = context.Cause(ctx) // that of Close has ended
			}
			if err != nil {
				return &session.Unknown{Messages: len(p.pending), Cause: err}
			}
		}
		answered, err := p.session(ctx, p.URLs[try%len(p.URLs)])
		if err == nil || !p.up && session.IsRefusal(err) {
			return err
		}
		if answered {
			attempt = 0
		}
	}
	return nil
}

func (p *Publisher) wanted() bool {
	if len(p.pending) > 0 {
		return true
	}
	select {
	case m := <-p.taken:
		p.pending = append(p.pending, m)
		return true
	case <-p.last:
		return false
	}
}

func (p *Publisher) session(ctx context.Context, url string) (answered bool, err error) {
	s, err := session.Dial(ctx, url, p.Window)
	if err != nil {
		return false, err
	}
	defer s.Close()
	p.up = true

	last := p.last
	for sent := 0; ; { // so many of pending, from the oldest, are on their way in this session
		for sent < len(p.pending) && (p.careful == 0 || sent == 0) {
			if s.Publish(p.pending[sent]) != nil {
				break // the session is lost: the answers end, after those that had come
			}
			sent++
		}
		taken := p.taken
		if last == nil || len(p.pending) >= p.Window {
			taken = nil // nothing comes from a nil channel
		}
		if last == nil && len(p.pending) == 0 {
			return answered, nil
		}
		select {
		case m := <-taken:
			p.pending = append(p.pending, m)
		case <-last:
			last = nil
		case answer, ok := <-s.Answers():
			if ok {
				p.tellOldest(answer)
				sent--
				answered = true
				continue
			}
			err := s.Err()
			switch {
			case !session.IsRefusal(err):
			case sent == 1: // it was alone, so it is the one
				p.tellOldest(err)
				answered = true
			default:
				p.careful = sent
			}
			return answered, err
		}
	}
}

func (p *Publisher) tellOldest(answer error) {
	p.pending[0].Tell(answer)
	p.pending = p.pending[1:]
	p.careful = max(0, p.careful-1)
}
