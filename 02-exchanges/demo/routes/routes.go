package main

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A router is a plan that was built.
type router struct {
	ch      *amqp.Channel
	plan    plan
	returns <-chan amqp.Return
}

// build declares what the plan says. Queues are exclusive and exchanges auto-delete: they go with the connection.
func build(ch *amqp.Channel, p plan) (*router, error) {
	for _, x := range p.exchanges {
		if x.name == "" {
			continue // RabbitMQ has it
		}
		if err := ch.ExchangeDeclare(x.full(), x.kind, false, true, false, false, nil); err != nil {
			return nil, fmt.Errorf("declare exchange %q: %w", x.full(), err)
		}
	}
	for _, q := range p.queues() {
		if _, err := ch.QueueDeclare(prefix+q, false, true, true, false, nil); err != nil {
			return nil, fmt.Errorf("declare queue %q: %w", prefix+q, err)
		}
	}
	for _, b := range p.bindings {
		if b.from == "" {
			continue // each queue is bound to the default exchange by its name
		}
		key, headers, err := p.address(b.text)
		if err != nil {
			return nil, err
		}
		bind := ch.QueueBind
		if p.leads(b) {
			bind = ch.ExchangeBind
		}
		if err := bind(prefix+b.to, key, prefix+b.from, false, headers); err != nil {
			return nil, fmt.Errorf("bind %q to %q: %w", prefix+b.to, prefix+b.from, err)
		}
	}
	if err := ch.Confirm(false); err != nil {
		return nil, fmt.Errorf("select confirm mode: %w", err)
	}
	return &router{ch, p, ch.NotifyReturn(make(chan amqp.Return, 1))}, nil // one message at a time is on its way
}

// A result is what became of a message.
type result struct {
	copies   map[string]int // by queue
	returned bool           // no queue took it
}

// publish sends a message to the first exchange of the plan, and looks into each queue.
func (r *router) publish(ctx context.Context, text string) (result, error) {
	key, headers, err := r.plan.address(text)
	if err != nil {
		return result{}, err
	}
	m := amqp.Publishing{Headers: headers, ContentType: "text/plain", Body: []byte(text)}
	confirmation, err := r.ch.PublishWithDeferredConfirmWithContext(ctx, r.plan.exchanges[0].full(), key, true, false, m)
	if err != nil {
		return result{}, fmt.Errorf("publish %q: %w", text, err)
	}
	acked, err := confirmation.WaitContext(ctx)
	if err != nil {
		return result{}, fmt.Errorf("wait for the confirm of %q: %w", text, err)
	}
	if !acked {
		return result{}, errors.New("the connection is gone, or RabbitMQ refused a message")
	}

	got := result{copies: map[string]int{}}
	select {
	case <-r.returns: // comes before the confirm
		got.returned = true
	default:
	}
	for _, q := range r.plan.queues() {
		for { // a service would consume: asking costs a round trip for each message
			_, found, err := r.ch.Get(prefix+q, true)
			if err != nil {
				return result{}, fmt.Errorf("look into queue %q: %w", prefix+q, err)
			}
			if !found {
				break
			}
			got.copies[q]++
		}
	}
	return got, nil
}
