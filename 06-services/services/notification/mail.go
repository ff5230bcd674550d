package notification

import (
	"context"
	"fmt"
	"strings"
	"time"

	"warren.example/06-services/events"
	"warren.example/06-services/outbox"
)

// channel is the only way by which customers are told.
const channel = "mail"

// A contact is what is known of a customer.
type contact struct {
	User, Name, Email string
	Interests         []string
}

// A mail is what a customer is told, or is going to be.
type mail struct {
	Email string
	Text  string
	At    time.Time
	Sent  bool
}

// deliver tells a customer of a message, once: if it was done before, nothing happens.
func (s *notification) deliver(ctx context.Context, tx *outbox.Tx, c contact, m events.Message) error {
	text, err := s.write(c, m)
	if err != nil {
		return err
	}
	first, err := insertDelivery(ctx, tx, c.User, m, mail{Email: c.Email, Text: text, At: s.now(), Sent: true})
	if err != nil || !first {
		return err
	}
	return tx.Send(ctx, events.NotificationSent{User: c.User, About: m.Type, Channel: channel},
		events.About{Correlation: m.Correlation, Cause: m.ID, Now: s.now()})
}

// write writes the text of a mail.
func (s *notification) write(c contact, m events.Message) (string, error) {
	event, err := s.read[m.Type](m)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	err = s.texts.ExecuteTemplate(&text, m.Type+".txt", struct {
		Name    string
		Version int64
		Event   any
	}{c.Name, m.Version, event})
	if err != nil {
		return "", fmt.Errorf("write a mail about %s: %w", m.Type, err)
	}
	return text.String(), nil
}
