package main

import (
	"context"
	"fmt"
	"net/url"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/mini"
	"warren.example/workshop/tap"
)

const (
	exchange = "demo.lose"
	queue    = "demo.lose"
	order7   = "order-7"
)

// A stage is a broker that nobody else uses, and a tap in front of it, which can break connections.
type stage struct {
	name   string
	source broker.Source
	lease  broker.Lease
	node   broker.Node
	line   *tap.Tap
	url    string // through the tap
}

func newStage(ctx context.Context) (*stage, error) {
	source, err := mini.Find(ctx)
	if err != nil {
		return nil, err
	}
	s := &stage{name: source.Name(), source: source}
	s.lease, err = source.Lease(ctx, broker.Request{Kind: broker.Own, For: "demo lose"})
	if err != nil {
		s.close()
		return nil, fmt.Errorf("a broker that may be killed: %w", err)
	}
	s.node = s.lease.Nodes()[0]
	address, err := url.Parse(s.node.Info().AMQP)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("address of the broker: %w", err)
	}
	if s.line, err = tap.Start(tap.Config{Target: address.Host}); err != nil {
		s.close()
		return nil, err
	}
	address.Host = s.line.Addr()
	s.url = address.String()
	return s, nil
}

func (s *stage) close() {
	if s.line != nil {
		_ = s.line.Close() // it only forwards
	}
	if s.lease != nil {
		_ = s.lease.Release() // with the source it is given back in any case
	}
	_ = s.source.Close()
}

// at makes exchange and queue anew and lets happen what happens at a place.
func (s *stage) at(ctx context.Context, p place, safe bool) (told string, err error) {
	err = s.channel(func(ch *amqp.Channel) error {
		if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
			return err
		}
		if err := ch.ExchangeDelete(exchange, false, false); err != nil {
			return err
		}
		return ch.ExchangeDeclare(exchange, amqp.ExchangeDirect, true, false, false, false, nil)
	})
	if err != nil {
		return "", err
	}
	return p.happen(ctx, s, safe)
}

// left tells whether an order is in the queue.
func (s *stage) left(order string) (found bool, err error) {
	err = s.channel(func(ch *amqp.Channel) error {
		if _, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil); err != nil {
			return nil // without the queue there is no order
		}
		for {
			d, ok, err := ch.Get(queue, true)
			if err != nil || !ok {
				return err
			}
			found = found || string(d.Body) == order
		}
	})
	return found, err
}

// declare makes the queue and binds it to the key of orders. args may be nil.
func (s *stage) declare(args amqp.Table) error {
	return s.channel(func(ch *amqp.Channel) error {
		if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
			return fmt.Errorf("declare the queue: %w", err)
		}
		return ch.QueueBind(queue, "packing", exchange, false, nil)
	})
}

// channel runs a function with a channel on a connection of its own, and closes both.
func (s *stage) channel(use func(*amqp.Channel) error) error {
	conn, err := amqp.Dial(s.url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	return use(ch)
}
