package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/demo/stage"
)

// A place is where a dead letter can get lost on its way: behind the queue "demo.strategy.<name>", in which the order dies.
type place struct {
	name, trouble, cure string
	spoil, mend         func(context.Context, *stage.Stage, place) error
}

func (p place) queue() string    { return "demo.strategy." + p.name }
func (p place) exchange() string { return p.queue() + ".dead" }
func (p place) dead() string     { return p.queue() + ".dead" }

// places are mended in the order of a start-up that was forgotten: exchange, binding, a queue that somebody empties.
var places = []place{
	{"exchange", "isn't there", "declared",
		func(ctx context.Context, s *stage.Stage, p place) error { return s.Declare(p.dead(), nil) },
		func(ctx context.Context, s *stage.Stage, p place) error {
			return errors.Join(s.Exchange(p.exchange(), amqp.ExchangeFanout), p.bind(s))
		}},
	{"binding", "isn't there", "bound",
		func(ctx context.Context, s *stage.Stage, p place) error {
			return errors.Join(s.Declare(p.dead(), nil), s.Exchange(p.exchange(), amqp.ExchangeFanout))
		},
		func(ctx context.Context, s *stage.Stage, p place) error { return p.bind(s) }},
	{"queue", "full, refuses", "emptied",
		func(ctx context.Context, s *stage.Stage, p place) error {
			full := amqp.Table{"x-queue-type": "classic", "x-max-length": int64(1), "x-overflow": "reject-publish"}
			return errors.Join(s.Declare(p.dead(), full), s.Exchange(p.exchange(), amqp.ExchangeFanout), p.bind(s),
				s.Put(ctx, p.dead(), stage.Order("order-1")))
		},
		func(ctx context.Context, s *stage.Stage, p place) error {
			_, err := s.QueuePurge(p.dead(), false)
			return err
		}},
}

func (p place) bind(s *stage.Stage) error { return s.QueueBind(p.dead(), "", p.exchange(), false, nil) }

// lose rejects an order whose dead letter can't arrive, and returns when RabbitMQ has done with it what it does.
func (p place) lose(ctx context.Context, s *stage.Stage, strategy, overflow string) error {
	if err := s.ExchangeDelete(p.exchange(), false, false); err != nil { // what an interrupted run left
		return err
	}
	if err := p.spoil(ctx, s, p); err != nil {
		return err
	}
	err := s.Declare(p.queue(), amqp.Table{
		"x-dead-letter-exchange": p.exchange(),
		"x-dead-letter-strategy": strategy,
		"x-overflow":             overflow,
	})
	if err != nil {
		return err
	}
	deliveries, err := s.Consume(p.queue())
	if err != nil {
		return err
	}
	if err := p.next(ctx, s, deliveries, "order-7", func(d amqp.Delivery) error { return d.Reject(false) }); err != nil {
		return err
	}
	// A queue does one thing after another: when the next order comes out, order-7 has left.
	return p.next(ctx, s, deliveries, "order-8", func(d amqp.Delivery) error { return d.Ack(false) })
}

// next publishes an order, takes it, and answers it.
func (p place) next(ctx context.Context, s *stage.Stage, deliveries <-chan amqp.Delivery, order string, answer func(amqp.Delivery) error) error {
	if err := s.Put(ctx, p.queue(), stage.Order(order)); err != nil {
		return err
	}
	d, err := stage.Next(ctx, deliveries, 30*time.Second)
	if err != nil {
		return fmt.Errorf("%s: %w", order, err)
	}
	return answer(d)
}

// arrived tells whether order-7 is among the dead letters.
func (p place) arrived(s *stage.Stage) (bool, error) {
	d, ok, err := s.Get(p.dead(), true)
	return ok && d.MessageId == "order-7", err
}
