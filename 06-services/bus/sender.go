package bus

import (
	"context"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A sender is a session with confirms: what a Publisher publishes over until it is lost.
type sender struct {
	*session
	places  chan struct{}    // full of the messages that are under way
	returns chan amqp.Return // each of them may come back

	mu       sync.Mutex
	returned map[route]int // taken from returns, and not settled yet
	free     chan struct{} // closed while RabbitMQ doesn't block the connection
}

// An outgoing message, and where it goes.
type outgoing struct {
	exchange, key string
	amqp.Publishing
}

// A route tells returned messages apart: one message may go to two queues under one id.
type route struct{ exchange, key, id string }

func newSender(ctx context.Context, c Config, url string, window int) (*sender, error) {
	s := &sender{places: make(chan struct{}, window), returned: make(map[route]int), free: make(chan struct{})}
	close(s.free)
	var err error
	s.session, err = dial(ctx, c, url, func(active bool) { s.block(c, active) })
	if err != nil {
		return nil, err
	}
	if err := s.ch.Confirm(false); err != nil {
		s.close()
		return nil, fmt.Errorf("select confirm mode: %w", err)
	}
	s.returns = s.ch.NotifyReturn(make(chan amqp.Return, window))
	return s, nil
}

// block notes whether RabbitMQ blocks the connection.
func (s *sender) block(c Config, active bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.free:
		if !active {
			return
		}
		s.free = make(chan struct{})
		c.Log.Warn("RabbitMQ blocks its publishers: it is out of memory or disk")
		c.Observe("blocked", 1)
	default:
		if active {
			return
		}
		close(s.free)
		c.Log.Info("RabbitMQ blocks its publishers no more")
		c.Observe("blocked", 0)
	}
}

// unblocked returns what is closed when RabbitMQ doesn't block the connection.
func (s *sender) unblocked() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.free
}

// send publishes messages in order and returns for each what became of it: see Publisher.Publish.
func (s *sender) send(ctx context.Context, messages []outgoing) []error {
	errs := make([]error, len(messages))
	answers := make([]*amqp.DeferredConfirmation, len(messages))
	sent, settled := 0, 0 // so many, from the first
	for settled < len(messages) {
		var places chan<- struct{}
		var oldest <-chan struct{}
		if sent < len(messages) {
			places = s.places
		}
		ended := s.ended
		if settled < sent {
			oldest, ended = answers[settled].Done(), nil // all answers come, if only because it has ended
		}
		select {
		case places <- struct{}{}:
			m := messages[sent]
			answer, err := s.ch.PublishWithDeferredConfirm(m.exchange, m.key, true, false, m.Publishing)
			if err != nil {
				<-s.places
				s.giveUp(messages[settled:sent], answers[settled:sent], errs[settled:sent], err)
				fill(errs[sent:], fmt.Errorf("%w: %w", ErrUnsent, err))
				return errs
			}
			answers[sent] = answer
			sent++
		case <-ended:
			fill(errs[sent:], fmt.Errorf("%w: %w", ErrUnsent, s.err))
			return errs
		case <-oldest:
			errs[settled] = s.settle(messages[settled], answers[settled])
			settled++
		case <-ctx.Done():
			s.giveUp(messages[settled:sent], answers[settled:sent], errs[settled:sent], ctx.Err())
			fill(errs[sent:], fmt.Errorf("%w: %w", ErrUnsent, ctx.Err()))
			return errs
		}
	}
	return errs
}

// giveUp takes the answers that are there. Messages without one keep their places until it comes, or the session ends.
func (s *sender) giveUp(messages []outgoing, answers []*amqp.DeferredConfirmation, errs []error, why error) {
	for i, answer := range answers {
		select {
		case <-answer.Done():
			errs[i] = s.settle(messages[i], answer)
		default:
			errs[i] = fmt.Errorf("%w: %w", ErrUnknown, why)
			go func() {
				<-answer.Done()
				s.settle(messages[i], answer)
			}()
		}
	}
}

// settle gives back the place of a message that was answered, and returns what the answer means.
func (s *sender) settle(m outgoing, answer *amqp.DeferredConfirmation) error {
	defer func() { <-s.places }()
	switch {
	case s.cameBack(route{m.exchange, m.key, m.MessageId}):
		return ErrUnroutable
	case answer.Acked():
		s.worked.Store(true)
		return nil
	case s.ch.IsClosed(): // the library then answers for RabbitMQ, as if it were a nack
		<-s.ended
		return fmt.Errorf("%w: %w", ErrUnknown, s.err)
	}
	return ErrRefused
}

// cameBack tells whether a message that was answered has been returned. RabbitMQ returns first and then answers, and the
// library hands out both in that order: what was returned is in the Go channel by now.
func (s *sender) cameBack(r route) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.returns) > 0 {
		back := <-s.returns
		s.returned[route{back.Exchange, back.RoutingKey, back.MessageId}]++
	}
	if s.returned[r] == 0 {
		return false
	}
	if s.returned[r]--; s.returned[r] == 0 {
		delete(s.returned, r)
	}
	return true
}

// drain waits until nothing is under way, by taking all places, or until ctx ends.
func (s *sender) drain(ctx context.Context) error {
	for range cap(s.places) {
		select {
		case s.places <- struct{}{}:
		case <-s.ended:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func fill(errs []error, err error) {
	for i := range errs {
		errs[i] = err
	}
}
