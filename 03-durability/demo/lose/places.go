package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/tap"
)

// onTheWire breaks the first connection on which an order is published: its bytes leave the program, and arrive nowhere.
func onTheWire(ctx context.Context, s *stage, safe bool) (told string, err error) {
	if err := s.declare(nil); err != nil {
		return "", err
	}
	cut := s.line.Add(tap.Cut{On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.publish"}, Nth: 1}})
	defer cut.Remove()
	if !safe {
		return "Publish returned nil", s.channel(func(ch *amqp.Channel) error { return hopefully(ctx, ch, order7) })
	}
	for try := 1; ; try++ { // the same id each time: who gets it twice can tell (05)
		answer, err := s.carefully(ctx, order7)
		if !errors.Is(err, errUnknown) || try == 3 {
			return fmt.Sprintf("no confirm, so sent again: %s", answer), err
		}
	}
}

// inTheExchange publishes before somebody has declared the queue.
func inTheExchange(ctx context.Context, s *stage, safe bool) (told string, err error) {
	if !safe {
		return "Publish returned nil", s.channel(func(ch *amqp.Channel) error { return hopefully(ctx, ch, order7) })
	}
	first, err := s.carefully(ctx, order7)
	if err != nil {
		return "", err
	}
	if err := s.declare(nil); err != nil {
		return "", err
	}
	second, err := s.carefully(ctx, order7)
	return fmt.Sprintf("%s; queue declared, sent again: %s", first, second), err
}

// inTheBroker kills the broker, as a loss of power does, and starts it again. Before, it restarts in good order: a kill may
// take a queue along that was declared just before (RabbitMQ up to 4.2), and this is about the order.
func inTheBroker(ctx context.Context, s *stage, safe bool) (told string, err error) {
	if err := s.declare(nil); err != nil {
		return "", err
	}
	if err := errors.Join(s.node.Stop(ctx), s.node.Start(ctx)); err != nil {
		return "", err
	}
	told = "it was in a durable queue, but not persistent"
	if safe {
		told, err = s.carefully(ctx, order7)
		told = "persistent, " + told
	} else {
		err = s.channel(func(ch *amqp.Channel) error {
			if err := hopefully(ctx, ch, order7); err != nil {
				return err
			}
			_, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil) // it answers when the order has arrived
			return err
		})
	}
	if err != nil {
		return "", err
	}
	if err := s.node.Kill(ctx); err != nil {
		return "", err
	}
	return told, s.node.Start(ctx)
}

// inAFullQueue publishes two more orders to a queue that holds two.
func inAFullQueue(ctx context.Context, s *stage, safe bool) (told string, err error) {
	args := amqp.Table{"x-max-length": int64(2)} // what is too much drops out at the head: the oldest
	if safe {
		args["x-overflow"] = "reject-publish"
	}
	if err := s.declare(args); err != nil {
		return "", err
	}
	var answer string
	for _, order := range []string{order7, "order-8", "order-9"} {
		if answer, err = s.carefully(ctx, order); err != nil {
			return "", err
		}
	}
	return "order-9 was " + answer, nil
}

// atTheConsumer lets a consumer take the order, and die.
func atTheConsumer(ctx context.Context, s *stage, safe bool) (told string, err error) {
	if err := s.declare(nil); err != nil {
		return "", err
	}
	if _, err := s.carefully(ctx, order7); err != nil {
		return "", err
	}
	told = "autoAck: forgotten when it was sent"
	if safe {
		told = "not acked yet: delivered again"
	}
	err = s.channel(func(ch *amqp.Channel) error {
		deliveries, err := ch.Consume(queue, "", !safe, false, false, false, nil)
		if err != nil {
			return err
		}
		select {
		case <-deliveries:
			s.line.CutAll() // dead
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Second):
			return errors.New("the order was not delivered")
		}
	})
	return told, err
}
