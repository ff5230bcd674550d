// Each publish takes a slot of the window and each answer gives one back. Those that were taken in a session that is
// lost stay taken: there will be no answer.
//
// In production: every cut makes the window smaller, until nothing is sent any more. Restarting the service helps, for
// a month.
//
// want TestWindowIsFreeInTheNextSession: "a window of 2 was full when the connection was lost"

package publisher

import (
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

	once, end sync.Once
	slots     chan struct{} // one for each message on the wire that has no answer
	room      chan struct{} // one for each message that is taken and has no answer
	wake      chan struct{} // something was queued
	last      chan struct{} // closed by Close
	done      chan struct{} // closed when run has ended
	cut       context.CancelFunc

	mu     sync.Mutex // guards what follows
	queue  []*session.Message
	closed bool
	err    error
}

func (p *Publisher) start() {
	p.slots, p.room = make(chan struct{}, p.Window), make(chan struct{}, p.Window)
	p.wake = make(chan struct{}, 1)
	p.last, p.done = make(chan struct{}), make(chan struct{})
	ctx, cut := context.WithCancel(context.Background())
	p.cut = cut
	go p.run(ctx)
}

// Publish takes a message, and returns when it has: m.Wait tells what became of it.
func (p *Publisher) Publish(ctx context.Context, exchange, key string, m amqp.Publishing) (*session.Message, error) {
	p.once.Do(p.start)
	if m.MessageId == "" {
		m.MessageId = rand.Text()
	}
	message, err := session.NewMessage(exchange, key, m)
	if err != nil {
		return nil, err
	}
	select {
	case p.room <- struct{}{}:
	case <-p.last:
	case <-p.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("publish: %w", ctx.Err())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, fmt.Errorf("publish: %w", p.err)
	}
	if p.closed {
		return nil, errors.New("the publisher is closed")
	}
	p.queue = append(p.queue, message)
	p.signal()
	return message, nil
}

// Close takes no more messages and sends what is left.
func (p *Publisher) Close(ctx context.Context) error {
	p.once.Do(p.start)
	p.end.Do(func() {
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		close(p.last)
	})
	p.signal()
	select {
	case <-p.done:
	case <-ctx.Done():
		p.giveUp(func(n int) error { return &session.Unknown{Messages: n, Cause: ctx.Err()} })
		p.cut()
		<-p.done
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *Publisher) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *Publisher) giveUp(why func(n int) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return
	}
	p.err = why(len(p.queue))
	for _, m := range p.queue {
		m.Tell(p.err)
	}
	p.queue = nil
}

// rest returns the first n messages that have no answer, and whether the publisher is closed.
func (p *Publisher) rest() (queue []*session.Message, closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue, p.closed
}

func (p *Publisher) pop(answer error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return
	}
	p.queue[0].Tell(answer)
	p.queue = p.queue[1:]
	<-p.slots
	<-p.room
}

func (p *Publisher) run(ctx context.Context) {
	defer close(p.done)
	defer p.cut()
	pause := p.Pause
	if pause == nil {
		pause = session.Pause
	}
	connected := false
	for try, attempt := 0, 1; ; try++ {
		s, err := session.Dial(ctx, p.URLs[try%len(p.URLs)], p.Window)
		if err == nil {
			answered, over := p.serve(s, connected)
			connected = true
			if answered {
				attempt = 1
			}
			if over {
				return
			}
		} else if !connected && session.IsRefusal(err) {
			p.giveUp(func(int) error { return err })
			return
		}
		if ctx.Err() != nil {
			return
		}
		if queue, closed := p.rest(); closed && len(queue) == 0 {
			return
		}
		if !p.wait(ctx, pause, attempt) {
			return
		}
		attempt++
	}
}

// wait is Pause, but Close with nothing to send ends it.
func (p *Publisher) wait(ctx context.Context, pause func(context.Context, int) error, attempt int) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-p.last:
			if queue, _ := p.rest(); len(queue) == 0 {
				cancel()
			}
		case <-over:
		}
	}()
	err := pause(ctx, attempt)
	close(over)
	<-watched
	if err != nil && ctx.Err() == nil {
		p.giveUp(func(n int) error { return &session.Unknown{Messages: n, Cause: err} })
		return false
	}
	return ctx.Err() == nil
}

// serve sends the old ones one by one, then all.
func (p *Publisher) serve(s *session.Session, again bool) (answered, over bool) {
	defer s.Close()
	queue, _ := p.rest()
	for range queue {
		if !again {
			break
		}
		queue, _ := p.rest()
		if len(queue) == 0 {
			return answered, false
		}
		if !p.acquire(s) {
			return answered, false
		}
		s.Publish(queue[0])
		answer, ok := <-s.Answers()
		if !ok {
			if err := s.Err(); session.IsRefusal(err) {
				p.pop(err)
				answered = true
			}
			return answered, false
		}
		p.pop(answer)
		answered = true
	}
	sent := 0
	for {
		queue, closed := p.rest()
		full := false
		for sent < len(queue) {
			select {
			case p.slots <- struct{}{}:
			default:
				full = true
			}
			if full || s.Publish(queue[sent]) != nil {
				break
			}
			sent++
		}
		if closed && len(queue) == 0 {
			return answered, true
		}
		select {
		case <-p.wake:
		case answer, ok := <-s.Answers():
			if !ok {
				return answered, false
			}
			p.pop(answer)
			sent--
			answered = true
		}
	}
}

// acquire waits for a slot of the window.
func (p *Publisher) acquire(s *session.Session) bool {
	select {
	case p.slots <- struct{}{}:
		return true
	case <-s.Answers():
		return false
	case <-p.last:
		return false
	}
}
