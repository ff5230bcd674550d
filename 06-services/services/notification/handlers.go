package notification

import (
	"context"
	"slices"

	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
)

// An effect is what a message changes.
type effect[P events.Payload] func(ctx context.Context, tx *outbox.Tx, m events.Message, p P) error

// hear adds a handler, and remembers how to read its messages when they have waited.
func hear[P events.Payload](s *notification, h inbox.Handlers, e effect[P]) {
	inbox.On(h, e)
	var p P
	s.read[p.Name()] = func(m events.Message) (any, error) { return events.Decode[P](m) }
}

// tell returns the effect of a message that one customer is told of. If the contact isn't known yet, it waits: messages come in
// any order.
func tell[P events.Payload](s *notification, customer func(P) string) effect[P] {
	return func(ctx context.Context, tx *outbox.Tx, m events.Message, p P) error {
		c, known, err := holdContact(ctx, tx, customer(p))
		if err != nil {
			return err
		}
		if !known {
			_, err := insertDelivery(ctx, tx, c.User, m, mail{At: s.now()})
			return err
		}
		return s.deliver(ctx, tx, c, m)
	}
}

// signup keeps who a customer is, if that isn't older than what is known (05/3), and delivers what has waited for it.
func (s *notification) signup(ctx context.Context, tx *outbox.Tx, m events.Message, p events.UserSignup) error {
	newest, err := keepContact(ctx, tx, contact{User: p.User, Name: p.FullName, Email: p.Email, Interests: p.Interests}, m.Version)
	if err != nil {
		return err
	}
	waiting, err := takeWaiting(ctx, tx, p.User)
	if err != nil {
		return err
	}
	for _, w := range append([]events.Message{m}, waiting...) {
		if err := s.deliver(ctx, tx, newest, w); err != nil {
			return err
		}
	}
	return nil
}

// recall tells everybody who is known.
func (s *notification) recall(ctx context.Context, tx *outbox.Tx, m events.Message, _ events.NewsRecall) error {
	return s.spread(ctx, tx, m, func(contact) bool { return true })
}

// offer tells those who want to hear of the category.
func (s *notification) offer(ctx context.Context, tx *outbox.Tx, m events.Message, p events.NewsOffer) error {
	return s.spread(ctx, tx, m, func(c contact) bool { return slices.Contains(c.Interests, p.Category) })
}

func (s *notification) spread(ctx context.Context, tx *outbox.Tx, m events.Message, wanted func(contact) bool) error {
	all, err := contacts(ctx, tx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if wanted(c) {
			if err := s.deliver(ctx, tx, c, m); err != nil {
				return err
			}
		}
	}
	return nil
}
