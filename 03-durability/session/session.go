// Package session is what 03/5 stands on: one connection for publishing, as 01/5 and 03/3 made it, and the messages that go
// over it. A session is used until it is lost, and then thrown away. It sends nothing again and knows no second address.
package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Session is one connection with one channel in confirm mode.
type Session struct {
	conn    *amqp.Connection
	ch      *amqp.Channel
	detach  func() bool      // the end of Dial's ctx means nothing to the socket any more
	sent    chan route       // of the messages that were published and not answered, oldest first
	answers chan error       // see Answers
	ended   chan struct{}    // closed with answers
	closes  chan *amqp.Error // why the channel ended
}

// Check says what is wrong with what Dial is to be given: no URL at all, one that is not AMQP's, a window below 1. Nothing
// else than to write them anew helps against that. The error shows no password.
func Check(urls []string, window int) error {
	if len(urls) == 0 {
		return errors.New("there is no URL")
	}
	for i, url := range urls {
		if _, err := amqp.ParseURI(url); err != nil { // err shows all of it
			return fmt.Errorf("URL %d of %d is not like amqp://user:password@host:5672/vhost", i+1, len(urls))
		}
	}
	if window < 1 {
		return fmt.Errorf("the window is %d, it must be at least 1", window)
	}
	return nil
}

// Dial makes a session. Window is how many messages may be published and not yet answered, at least 1.
//   - ctx limits the whole session: when it ends, also while connecting, the socket is closed.
//   - An error for which IsRefusal holds is the broker's no: a wrong password, no such virtual host. A connection that
//     breaks in its handshake looks like one, too: amqp091-go takes it for a wrong password.
func Dial(ctx context.Context, url string, window int) (*Session, error) {
	if err := Check([]string{url}, window); err != nil {
		return nil, err
	}
	s := &Session{
		detach:  func() bool { return true },
		sent:    make(chan route, window),
		answers: make(chan error, window),
		ended:   make(chan struct{}),
		closes:  make(chan *amqp.Error, 1),
	}
	if err := s.open(ctx, url, window); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Session) open(ctx context.Context, url string, window int) (err error) {
	s.conn, err = amqp.DialConfig(url, amqp.Config{Dial: func(network, address string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: connectTimeout}
		socket, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		s.detach = context.AfterFunc(ctx, func() { socket.Close() })
		return socket, socket.SetDeadline(time.Now().Add(connectTimeout)) // for the handshake; amqp091-go lifts it
	}})
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if s.ch, err = s.conn.Channel(); err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	if err = s.ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	s.ch.NotifyClose(s.closes)
	returns := s.ch.NotifyReturn(make(chan amqp.Return, window))
	confirms := s.ch.NotifyPublish(make(chan amqp.Confirmation, window)) // amqp091-go brings them into order
	go s.answer(confirms, returns)
	return nil
}

// A route is what tells a returned message from others: one event may go to two exchanges under one id.
type route struct{ exchange, key, id string }

// Publish sends a message. It doesn't wait for the answer: see Answers. It does wait while there is no answer for as many
// messages as the window has room for. An error means that the session is lost.
func (s *Session) Publish(m *Message) error {
	select {
	case s.sent <- route{m.Exchange, m.Key, m.Publishing.MessageId}:
	case <-s.ended:
	}
	if err := s.ch.Publish(m.Exchange, m.Key, true, false, m.Publishing); err != nil {
		return fmt.Errorf("publish to exchange %q with key %q: %w", m.Exchange, m.Key, err)
	}
	return nil
}

// Answers gives the broker's answers, one for each message, in the order in which they were published.
//   - nil: the broker has it.
//   - ErrRefused: the broker said no to this message and goes on (basic.nack): its queue is full, say.
//   - ErrUnroutable: no queue took it.
//
// The Go channel is closed when the session is lost or closed. What has no answer by then is unknown: the broker has it,
// or not.
func (s *Session) Answers() <-chan error { return s.answers }

// Err says why the session was lost. It is called when Answers is closed. If IsRefusal holds for it, the broker closed
// the channel because of a message that it will never take: an exchange that doesn't exist (404) or must not be published
// to (403), a property that makes no sense (406). It doesn't say which message, and has thrown away all that were
// published after it. It may still have been about to answer those before it.
func (s *Session) Err() error {
	select {
	case err := <-s.closes:
		if err != nil {
			return fmt.Errorf("the session is lost: %w", err)
		}
	default:
	}
	return errors.New("the session is closed")
}

// Close closes the connection. Answers ends, if it hasn't.
func (s *Session) Close() {
	if s.conn != nil {
		s.conn.CloseDeadline(time.Now().Add(closeTimeout))
	}
	s.detach()
}

// answer makes answers of confirms and returns, until the channel is closed.
func (s *Session) answer(confirms <-chan amqp.Confirmation, returns <-chan amqp.Return) {
	defer close(s.ended)
	defer close(s.answers)
	returned := make(map[route]bool)
	for c := range confirms {
		for range len(returns) { // a return comes before the confirm of the same message
			r := <-returns
			returned[route{r.Exchange, r.RoutingKey, r.MessageId}] = true
		}
		oldest := <-s.sent
		switch {
		case !c.Ack:
			s.answers <- ErrRefused
		case returned[oldest]:
			s.answers <- ErrUnroutable
		default:
			s.answers <- nil
		}
		delete(returned, oldest)
	}
}

// The answers that are no success.
var (
	ErrRefused    = errors.New("the broker refused the message (basic.nack)")
	ErrUnroutable = errors.New("no queue took the message (basic.return)")
)

// IsRefusal tells whether the broker said no in a way that another try doesn't change: 403 (user, password, permission), 404
// (no such exchange), 406 (a message that makes no sense, or is too large), 530 (no such virtual host).
func IsRefusal(err error) bool {
	var no *amqp.Error
	if !errors.As(err, &no) {
		return false
	}
	switch no.Code {
	case amqp.ContentTooLarge, amqp.AccessRefused, amqp.NotFound, amqp.PreconditionFailed, amqp.NotAllowed:
		return true
	}
	return false
}

// A broker that doesn't answer is as good as one that is not there.
const (
	connectTimeout = 10 * time.Second
	closeTimeout   = 5 * time.Second
)
