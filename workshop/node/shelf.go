package node

import (
	"context"
	"errors"
	"sync"

	"warren.example/workshop/broker"
)

// A shelf limits how many brokers of a kind are leased at once, and keeps the idle ones. There are never more brokers
// than places: a place is given back when its broker is idle or gone.
type shelf struct {
	places chan struct{} // one for each broker that is leased; Go lets those who wait in, in the order in which they came

	mu        sync.Mutex // guards all below
	idle      []Group
	returning int           // brokers that were given back and are being reset
	returned  chan struct{} // closed, and replaced, when one of them is idle or gone
}

func newShelf(limit int) *shelf {
	return &shelf{places: make(chan struct{}, limit), returned: make(chan struct{})}
}

// enter waits for a place.
func (s *shelf) enter(ctx, lifetime context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-lifetime.Done():
		return broker.ErrClosed
	}
}

// leave gives the place to the next.
func (s *shelf) leave() { <-s.places }

// take returns an idle broker of count nodes that still listens, and nil when there is none. Then it has closed one that
// was idle, if any, to make room for the new one. It waits for brokers that are being reset: that takes a moment, a start
// takes seconds.
func (s *shelf) take(ctx context.Context, count int) (Group, error) {
	for {
		group, returned := s.pick(count)
		switch {
		case group != nil && len(group.Nodes()) != count:
			return nil, group.Close()
		case group != nil:
			if err := listens(ctx, group.Nodes()[0].Info().AMQP); err == nil {
				return group, nil
			}
			if err := group.Close(); err != nil { // it died while it was idle
				return nil, err
			}
		case returned == nil:
			return nil, nil
		default:
			select {
			case <-returned:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
}

// pick removes one idle broker from the shelf, one of count nodes if there is such a one. When there is none at all but
// some are being reset, it returns what to wait for.
func (s *shelf) pick(count int) (Group, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 && s.returning > 0 {
		return nil, s.returned
	}
	if len(s.idle) == 0 {
		return nil, nil
	}
	chosen := 0
	for i, group := range s.idle {
		if len(group.Nodes()) == count {
			chosen = i
		}
	}
	group := s.idle[chosen]
	s.idle = append(s.idle[:chosen], s.idle[chosen+1:]...)
	return group, nil
}

// expect says that a broker is being reset: arrive follows.
func (s *shelf) expect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.returning++
}

// arrive keeps a broker for the next, unless it is nil: then the broker was thrown away. It gives back the place.
func (s *shelf) arrive(group Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if group != nil {
		s.idle = append(s.idle, group)
	}
	s.returning--
	close(s.returned)
	s.returned = make(chan struct{})
	s.leave()
}

// close ends the idle brokers.
func (s *shelf) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failures []error
	for _, group := range s.idle {
		failures = append(failures, group.Close())
	}
	s.idle = nil
	return errors.Join(failures...)
}
