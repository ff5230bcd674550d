package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A session is one connection with one channel. It ends when either is lost or closed.
type session struct {
	conn   *amqp.Connection
	ch     *amqp.Channel
	worked atomic.Bool   // a message was confirmed, or acked: it is more than a connection that breaks at once
	ended  chan struct{} // closed when it has ended
	err    error         // why; for others when ended is closed
	done   chan struct{} // closed when nothing of it runs any more
}

// A broker that doesn't answer is as good as one that is not there.
const (
	connectTimeout = 10 * time.Second
	closeTimeout   = 5 * time.Second
)

// dial makes a session. ctx limits the connecting, not the session. blocked hears RabbitMQ block and unblock the connection,
// in order; nil: nobody does.
func dial(ctx context.Context, c Config, url string, blocked func(bool)) (*session, error) {
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(c.Name)
	attached := func() bool { return true }
	conn, err := amqp.DialConfig(url, amqp.Config{Properties: properties, Dial: func(network, address string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: connectTimeout}
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if err := conn.SetDeadline(time.Now().Add(connectTimeout)); err != nil { // for the handshake; amqp091-go lifts it
			conn.Close()
			return nil, err
		}
		attached = context.AfterFunc(ctx, func() { conn.Close() })
		return newSocket(conn), nil
	}})
	defer func() { attached() }()
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	ch, err := conn.Channel()
	if err != nil {
		conn.CloseDeadline(time.Now().Add(closeTimeout))
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	s := &session{conn: conn, ch: ch, ended: make(chan struct{}), done: make(chan struct{})}
	go s.watch(ch.NotifyClose(make(chan *amqp.Error, 1)), conn.NotifyBlocked(make(chan amqp.Blocking, 8)), blocked)
	return s, nil
}

// watch hears what RabbitMQ says of the connection, until the session ends; then it closes what is left of it.
func (s *session) watch(closed <-chan *amqp.Error, blockings <-chan amqp.Blocking, blocked func(bool)) {
	defer close(s.done)
	for {
		select {
		case b, ok := <-blockings:
			if !ok {
				blockings = nil // closed already, and closed is about to say so
			} else if blocked != nil {
				blocked(b.Active)
			}
		case err := <-closed:
			s.err = errors.New("the connection is closed")
			if err != nil {
				s.err = fmt.Errorf("the connection is lost: %w", err)
			}
			close(s.ended)
			if blocked != nil {
				blocked(false) // nobody blocks a connection that is gone
			}
			s.conn.CloseDeadline(time.Now().Add(closeTimeout)) // it may have been the channel only
			return
		}
	}
}

// close ends the session. When it returns nothing of it runs.
func (s *session) close() {
	s.conn.CloseDeadline(time.Now().Add(closeTimeout))
	<-s.done
}
