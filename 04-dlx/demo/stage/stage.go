// Package stage gives the demos of this chapter a broker: the one that WORKSHOP_AMQP_URL names, the one that is up, or a
// minirabbit inside the program.
package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/mini"
)

// A Stage is a connection and one channel on it, with confirms. Queues that it declared are deleted when it is closed.
type Stage struct {
	Name string // "RabbitMQ 4.0.5"
	*amqp.Channel

	conn      *amqp.Connection
	inside    *mini.Source // nil where the broker is outside this program
	node      broker.Node  // of inside
	queues    []string
	exchanges []string
}

// Open finds a broker and connects to it.
func Open(ctx context.Context) (*Stage, error) {
	s := &Stage{}
	url, err := broker.URL(ctx)
	if errors.Is(err, broker.ErrNone) && os.Getenv(broker.EnvBroker) != broker.ChoiceUp {
		url, err = s.bring(ctx)
	}
	if err == nil {
		err = s.connect(url)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// bring starts a minirabbit.
func (s *Stage) bring(ctx context.Context) (url string, err error) {
	options, err := mini.FromEnvironment()
	if err != nil {
		return "", err
	}
	if s.inside, err = mini.New(options); err != nil {
		return "", err
	}
	lease, err := s.inside.Lease(ctx, broker.Request{Kind: broker.Own, Needs: []broker.Ability{broker.Clock}, For: "a demo"})
	if err != nil {
		return "", err
	}
	s.node = lease.Nodes()[0]
	return s.node.Info().AMQP, nil
}

func (s *Stage) connect(url string) (err error) {
	if s.conn, err = amqp.Dial(url); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if s.Channel, err = s.conn.Channel(); err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	s.Name = broker.Product(s.conn)
	return s.Confirm(false)
}

// Close deletes what was declared, and ends the connection, and the broker if it is inside.
func (s *Stage) Close() error {
	var errs []error
	if s.conn != nil {
		if ch, err := s.conn.Channel(); err == nil { // a new one: that of the demo may be closed
			for _, q := range s.queues {
				_, err := ch.QueueDelete(q, false, false, false)
				errs = append(errs, err)
			}
			for _, x := range s.exchanges {
				errs = append(errs, ch.ExchangeDelete(x, false, false))
			}
		}
		errs = append(errs, s.conn.Close())
	}
	if s.inside != nil {
		errs = append(errs, s.inside.Close())
	}
	return errors.Join(errs...)
}

// Declare makes a durable queue anew: what an interrupted run left is deleted. Without an x-queue-type it is a quorum queue.
func (s *Stage) Declare(queue string, args amqp.Table) error {
	if _, err := s.QueueDelete(queue, false, false, false); err != nil {
		return fmt.Errorf("delete queue %q: %w", queue, err)
	}
	with := amqp.Table{"x-queue-type": "quorum"}
	for k, v := range args {
		with[k] = v
	}
	if _, err := s.QueueDeclare(queue, true, false, false, false, with); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	s.queues = append(s.queues, queue)
	return nil
}

// Exchange makes a durable exchange anew.
func (s *Stage) Exchange(name, kind string) error {
	if err := s.ExchangeDelete(name, false, false); err != nil {
		return fmt.Errorf("delete exchange %q: %w", name, err)
	}
	if err := s.ExchangeDeclare(name, kind, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %q: %w", name, err)
	}
	s.exchanges = append(s.exchanges, name)
	return nil
}

// Put publishes a persistent message to a queue, and returns when RabbitMQ has stored it.
func (s *Stage) Put(ctx context.Context, queue string, m amqp.Publishing) error {
	m.DeliveryMode = amqp.Persistent
	confirm, err := s.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, m)
	if err != nil {
		return fmt.Errorf("publish to %q: %w", queue, err)
	}
	stored, err := confirm.WaitContext(ctx)
	if err == nil && !stored {
		err = errors.New("not stored")
	}
	if err != nil {
		return fmt.Errorf("publish to %q: %w", queue, err)
	}
	return nil
}

// Order makes a message of an order: its id is its body.
func Order(id string) amqp.Publishing { return amqp.Publishing{MessageId: id, Body: []byte(id)} }

// Consume consumes a queue with manual acks. It hides the Channel's, whose six arguments are the same in all demos.
func (s *Stage) Consume(queue string) (<-chan amqp.Delivery, error) {
	deliveries, err := s.Channel.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return nil, fmt.Errorf("consume %q: %w", queue, err)
	}
	return deliveries, nil
}

// Next returns the next delivery. One that doesn't come within the limit is an error.
func Next(ctx context.Context, deliveries <-chan amqp.Delivery, limit time.Duration) (amqp.Delivery, error) {
	select {
	case d, ok := <-deliveries:
		if !ok {
			return d, errors.New("the channel was closed")
		}
		return d, nil
	case <-ctx.Done():
		return amqp.Delivery{}, context.Cause(ctx)
	case <-time.After(limit):
		return amqp.Delivery{}, ErrNothing
	}
}

// ErrNothing is returned by Next when nothing came.
var ErrNothing = errors.New("nothing came")

// Skip puts the broker's clock forward, if it is inside, and tells whether it could.
func (s *Stage) Skip(ctx context.Context, d time.Duration) (skipped bool, err error) {
	if s.node == nil {
		return false, nil
	}
	return true, s.node.Advance(ctx, d)
}
