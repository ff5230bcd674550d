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

// A Stage is a connection to a broker. Queues and exchanges that it declared are deleted when it is closed.
type Stage struct {
	Name string // "RabbitMQ 4.0.5"
	URL  string // for further connections

	conn      *amqp.Connection
	inside    broker.Source // nil where the broker is outside this program
	queues    []string
	exchanges []string
}

// Open finds a broker and connects to it.
func Open(ctx context.Context) (*Stage, error) {
	s := &Stage{}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stage) open(ctx context.Context) (err error) {
	s.URL, err = broker.URL(ctx)
	if errors.Is(err, broker.ErrNone) && os.Getenv(broker.EnvBroker) != broker.ChoiceUp {
		err = s.bring(ctx)
	}
	if err != nil {
		return err
	}
	if s.conn, err = amqp.Dial(s.URL); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	s.Name = broker.Product(s.conn)
	return nil
}

// bring starts a minirabbit.
func (s *Stage) bring(ctx context.Context) (err error) {
	if s.inside, err = mini.Find(ctx); err != nil {
		return err
	}
	lease, err := s.inside.Lease(ctx, broker.Request{For: "a demo"})
	if err != nil {
		return err
	}
	s.URL = lease.Nodes()[0].Info().AMQP
	return nil
}

// Close deletes what was declared, and ends the connection, and the broker if it is inside.
func (s *Stage) Close() error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.delete(s.queues, s.exchanges), s.conn.Close())
	}
	if s.inside != nil {
		errs = append(errs, s.inside.Close())
	}
	return errors.Join(errs...)
}

// delete deletes queues and exchanges, on a channel of its own. What isn't there is fine.
func (s *Stage) delete(queues, exchanges []string) error {
	ch, err := s.Channel()
	if err != nil {
		return err
	}
	var errs []error
	for _, q := range queues {
		_, err := ch.QueueDelete(q, false, false, false)
		errs = append(errs, err)
	}
	for _, x := range exchanges {
		errs = append(errs, ch.ExchangeDelete(x, false, false))
	}
	return errors.Join(append(errs, ch.Close())...)
}

// Channel opens a channel on the stage's connection.
func (s *Stage) Channel() (*amqp.Channel, error) {
	ch, err := s.conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	return ch, nil
}

// Declare makes a durable queue anew: what an interrupted run left is deleted. Without an x-queue-type it is a quorum queue.
func (s *Stage) Declare(queue string, args amqp.Table) error {
	if err := s.delete([]string{queue}, nil); err != nil {
		return fmt.Errorf("delete queue %q: %w", queue, err)
	}
	with := amqp.Table{"x-queue-type": "quorum"}
	for k, v := range args {
		with[k] = v
	}
	ch, err := s.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if _, err := ch.QueueDeclare(queue, true, false, false, false, with); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	s.queues = append(s.queues, queue)
	return nil
}

// HashExchange makes an exchange anew that gives all messages with the same key to the same queue.
func (s *Stage) HashExchange(name string) error {
	if err := s.delete(nil, []string{name}); err != nil {
		return fmt.Errorf("delete exchange %q: %w", name, err)
	}
	ch, err := s.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.ExchangeDeclare(name, "x-consistent-hash", true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %q (it needs the plugin rabbitmq_consistent_hash_exchange): %w", name, err)
	}
	s.exchanges = append(s.exchanges, name)
	return nil
}

// Bind binds a queue to an exchange of HashExchange. All queues have the same weight.
func (s *Stage) Bind(queue, exchange string) error {
	ch, err := s.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.QueueBind(queue, "1", exchange, false, nil); err != nil {
		return fmt.Errorf("bind queue %q: %w", queue, err)
	}
	return nil
}

// A Message has the key that it is published with.
type Message struct{ Key, Body string }

// Publish publishes persistent messages in their order, on a channel of its own, and returns when RabbitMQ has stored all.
func (s *Stage) Publish(ctx context.Context, exchange string, messages ...Message) error {
	ch, err := s.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	confirms := make([]*amqp.DeferredConfirmation, len(messages))
	for i, m := range messages {
		publishing := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(m.Body)}
		if confirms[i], err = ch.PublishWithDeferredConfirmWithContext(ctx, exchange, m.Key, true, false, publishing); err != nil {
			return fmt.Errorf("publish with key %q: %w", m.Key, err)
		}
	}
	for i, confirm := range confirms {
		stored, err := confirm.WaitContext(ctx)
		if err == nil && !stored {
			err = errors.New("not stored")
		}
		if err != nil {
			return fmt.Errorf("publish with key %q: %w", messages[i].Key, err)
		}
	}
	return nil
}

// Next returns the next delivery. One that doesn't come within the limit is ErrNothing.
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
