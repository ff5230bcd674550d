// Messages wait in a queue, and leave it when they are sent. What had no answer is put into the queue again when there
// is a session again: at its end.
//
// In production: the cancellation came while the broker was away. Now it is sent before the order that it cancels.
//
// want TestUnconfirmedComeFirst: "after that were sent: order-4"

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
	slots     chan struct{} // one for each message that is taken and has no answer
	wake      chan struct{} // something was queued
	last      chan struct{} // closed by Close
	done      chan struct{} // closed when run has ended
	cut       context.CancelFunc

	mu     sync.Mutex // guards what follows
	queue  []*session.Message
	sent   []*session.Message // and no answer yet
	closed bool
	err    error
}

func (p *Publisher) start() {
	p.slots = make(chan struct{}, p.Window)
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
	case p.slots <- struct{}{}:
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
	all := append(p.sent, p.queue...)
	if len(all) == 0 {
		return
	}
	p.err = why(len(all))
	for _, m := range all {
		m.Tell(p.err)
	}
	p.queue, p.sent = nil, nil
}

// rest returns the messages that have no answer, and whether the publisher is closed.
func (p *Publisher) rest() (queue []*session.Message, closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append(p.sent[:len(p.sent):len(p.sent)], p.queue...), p.closed
}

func (p *Publisher) pop(answer error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent[0].Tell(answer)
	p.sent = p.sent[1:]
	<-p.slots
}

// sendNext sends the next message of the queue.
func (p *Publisher) sendNext(s *session.Session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 || s.Publish(p.queue[0]) != nil {
		return false
	}
	p.sent = append(p.sent, p.queue[0])
	p.queue = p.queue[1:]
	return true
}

// requeue puts what has no answer into the queue again.
func (p *Publisher) requeue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, p.sent...)
	p.sent = nil
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
			answered, over := p.serve(s)
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

func (p *Publisher) serve(s *session.Session) (answered, over bool) {
	defer s.Close()
	p.requeue()
	for {
		for p.sendNext(s) {
		}
		if queue, closed := p.rest(); closed && len(queue) == 0 {
			return answered, true
		}
		select {
		case <-p.wake:
		case answer, ok := <-s.Answers():
			if !ok {
				return answered, false
			}
			p.pop(answer)
			answered = true
		}
	}
}
