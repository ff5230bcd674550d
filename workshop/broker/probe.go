package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// probeTimeout ends a probe of a port that never answers, answerTimeout the questions to a management API, which are asked
// when the broker has answered already: a broker that makes many virtual hosts at once takes seconds for them.
const (
	probeTimeout  = 10 * time.Second
	answerTimeout = 30 * time.Second
)

// Probe opens an AMQP connection and closes it again. It returns the version that the broker told (connection.start,
// AMQP 0-9-1 section 1.4.2.1). A broker that does not answer is given up after ten seconds; the error says in words
// what is wrong with address, port or password, without the password.
func Probe(ctx context.Context, address string) (version string, err error) {
	uri, err := amqp.ParseURI(address)
	if err != nil {
		return "", fmt.Errorf("not an AMQP URL, want amqp://user:password@host:5672/: %w", withoutURL(err))
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := dial(ctx, address)
	if err != nil {
		return "", explain(ctx, uri, err)
	}
	defer conn.Close()
	version, _ = conn.Properties["version"].(string)
	return version, nil
}

// Product returns the name and version of the broker at the other end of conn: "RabbitMQ 4.0.5", or "minirabbit 4.0.5" for the
// stand-in, which says that it is RabbitMQ too, and only in one more property that it isn't.
func Product(conn *amqp.Connection) string {
	product := conn.Properties["product"]
	if _, standIn := conn.Properties["minirabbit"]; standIn {
		product = "minirabbit"
	}
	return fmt.Sprintf("%v %v", product, conn.Properties["version"])
}

// dial connects and shakes hands, all of it before ctx ends.
func dial(ctx context.Context, address string) (*amqp.Connection, error) {
	stopWatching := func() bool { return true }
	defer func() { stopWatching() }()
	open := func(network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		stopWatching = context.AfterFunc(ctx, func() { conn.Close() }) // amqp091-go knows no context
		return conn, nil
	}
	return amqp.DialConfig(address, amqp.Config{Dial: open, Heartbeat: 10 * time.Second})
}

// explain says what a failed dial means.
func explain(ctx context.Context, uri amqp.URI, err error) error {
	where := net.JoinHostPort(uri.Host, fmt.Sprint(uri.Port))
	var refusal *amqp.Error
	var noHost *net.DNSError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case isRefused(err):
		return fmt.Errorf("nothing listens on %s: is RabbitMQ running there, and is the port right? (%w)", where, err)
	case errors.As(err, &noHost):
		return fmt.Errorf("there is no host %q: is its name right? (%w)", uri.Host, err)
	case errors.As(err, &refusal) && refusal.Code == amqp.AccessRefused:
		return fmt.Errorf("%s refuses user %q: check user and password in the URL (%w)", where, uri.Username, err)
	case errors.As(err, &refusal) && refusal.Code == amqp.NotAllowed:
		return fmt.Errorf("%s refuses virtual host %q: check the end of the URL; \"/\" stands for the default one (%w)",
			where, uri.Vhost, err)
	case isTimeout(err), ctx.Err() != nil: // the latter hung up during the handshake
		return fmt.Errorf("%s took the connection but did not answer in %v: is it RabbitMQ's AMQP port? (%w)",
			where, probeTimeout, err)
	}
	return fmt.Errorf("connect to %s: is it RabbitMQ's AMQP port? (%w)", where, err)
}

// isRefused reports whether nobody listened. Windows has a number of its own for that (WSAECONNREFUSED).
func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.Errno(10061))
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// withoutURL drops the URL, which may hold a password, from an error of package url.
func withoutURL(err error) error {
	var bad *url.Error
	if errors.As(err, &bad) {
		return bad.Err
	}
	return err
}
