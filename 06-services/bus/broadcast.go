package bus

import (
	"context"
	"crypto/rand"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/06-services/events"
)

// A Broadcast hears events on a queue of its own, so that each instance of a service hears each event: to drop from a cache
// what has changed, say. The queue goes with the connection, and what is published until the next one is missed.
type Broadcast struct {
	Config
	Hears []string // types of events
	// Missed is called before the first message of each connection: any number may have been missed. It may be nil.
	Missed func()
	// Handle handles one message. What it returns is logged. There is no other try.
	Handle func(ctx context.Context, m events.Message) error
}

// Run hears until ctx ends, and returns nil then. If the connection is lost it makes a new one, for ever. It returns an error
// at once for fields that can't be right.
func (b *Broadcast) Run(ctx context.Context) error {
	if err := b.check(); err != nil {
		return err
	}
	var bindings []Binding
	for _, name := range b.Hears {
		d, ok := events.Lookup(name)
		if !ok || d.Command() {
			return fmt.Errorf("bus: %s hears %q, which is no event", b.Name, name)
		}
		bindings = append(bindings, bind("", d)...)
	}
	return b.sessions(ctx, func(s *session) error { return b.hear(ctx, s, bindings) })
}

// hear is one session.
func (b *Broadcast) hear(ctx context.Context, s *session, bindings []Binding) error {
	// A new name each time: the old queue is locked as long as RabbitMQ hasn't noticed that its connection is gone. It begins
	// with the service's name, as all do that the service has rights on, which amq.gen-… doesn't.
	queue := b.Name + ".broadcast." + rand.Text()
	if _, err := s.ch.QueueDeclare(queue, false, true, true, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	for _, one := range bindings {
		if err := s.ch.QueueBind(queue, one.Key, one.Exchange, false, nil); err != nil {
			return fmt.Errorf("bind queue %q to exchange %q with %q: %w", queue, one.Exchange, one.Key, err)
		}
	}
	if err := s.ch.Qos(broadcastPrefetch, 0, false); err != nil {
		return fmt.Errorf("set the prefetch: %w", err)
	}
	deliveries, err := s.ch.Consume(queue, "", false, true, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	if b.Missed != nil {
		b.Missed()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return fmt.Errorf("the consumer of %q has ended", queue)
			}
			s.worked.Store(true)
			if err := b.one(context.WithoutCancel(ctx), d); err != nil {
				b.Log.Error("a broadcast failed", "type", d.Type, "id", d.MessageId, "error", err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack: %w", err)
			}
		}
	}
}

const broadcastPrefetch = 256

func (b *Broadcast) one(ctx context.Context, d amqp.Delivery) (err error) {
	defer func() {
		if p := recover(); p != nil {
			b.Observe("panic", 1)
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	m, err := message(d)
	if err != nil {
		return err
	}
	return b.Handle(ctx, m)
}
