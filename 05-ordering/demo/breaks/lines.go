package main

import (
	"context"
	"fmt"
	"net"
	"net/url"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/tap"
)

// A line is a connection with one channel. It can be slow, and be cut: a tap stands in it.
type line struct {
	*tap.Tap
	ch *amqp.Channel
}

// line opens a connection. Close it in the end.
func (t *tale) line() (l line) {
	t.do(func() error {
		target, err := url.Parse(t.URL)
		if err != nil {
			return fmt.Errorf("address of the broker: %w", err)
		}
		if target.Scheme != "amqp" {
			return fmt.Errorf("can't disturb %s, only amqp", target.Scheme)
		}
		if target.Port() == "" {
			target.Host = net.JoinHostPort(target.Hostname(), "5672")
		}
		if l.Tap, err = tap.Start(tap.Config{Target: target.Host}); err != nil {
			return err
		}
		target.Host = l.Addr()
		conn, err := amqp.Dial(target.String())
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		l.ch, err = conn.Channel()
		return err
	})
	return l
}

func (l line) close() {
	if l.Tap != nil {
		_ = l.Tap.Close() // and with it the connection
	}
}

// published lets one program publish 1 on a slow line, and another the rest: at once, or after the confirm of 1.
func published(waits bool) func(context.Context, *tale) {
	return func(ctx context.Context, t *tale) {
		t.declare(t.queue, nil)
		slow := t.line()
		defer slow.close()
		t.do(func() error {
			if err := slow.ch.Confirm(false); err != nil {
				return err
			}
			slow.Add(tap.Delay{By: moment})
			confirm, err := slow.ch.PublishWithDeferredConfirmWithContext(ctx, "", t.queue, false, false, amqp.Publishing{Body: []byte("1")})
			if err == nil && waits {
				_, err = confirm.WaitContext(ctx)
			}
			return err
		})
		t.publish(ctx, "2", "3", "4")
		t.consume(nil, "", 1).handleNext(ctx, 4)
	}
}

// cutOff cuts the line of the active consumer while it handles 1. RabbitMQ makes the other one active. a doesn't know, and finishes.
func cutOff(ctx context.Context, t *tale) {
	t.declare(t.queue, single)
	l := t.line()
	defer l.close()
	a := t.consume(l.ch, "a", 1)
	b := t.consume(nil, "b", 1)
	t.publish(ctx, "1", "2", "3", "4")
	one := a.next(ctx)
	t.do(func() error { l.CutAll(); return nil })
	b.handleNext(ctx, 4)
	a.handle(one)
}
