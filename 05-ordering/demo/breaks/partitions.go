package main

import (
	"context"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/demo/stage"
)

const orders = 20

// repartitioned publishes events 1 and 2 of several orders to two partitions, adds a third, and publishes 3 and 4. What is told is
// of the first order that came into disorder, if there is any.
func repartitioned(emptied bool) func(context.Context, *tale) {
	return func(ctx context.Context, t *tale) {
		p := partitions{tale: t, exchange: t.queue + ".hash", handled: map[string]sequence{}}
		t.do(func() (err error) { p.ch, err = t.Channel(); return err })
		t.do(func() error { return t.HashExchange(p.exchange) })
		p.add()
		p.add()
		p.publish(ctx, "1", "2")
		if emptied {
			p.handle()
		}
		p.add()
		p.publish(ctx, "3", "4")
		p.handle()

		t.handled = sequence{"1", "2", "3", "4"}
		for n := range orders {
			if s := p.handled[name(n)]; !s.inOrder() {
				t.handled = s
				return
			}
		}
	}
}

// Partitions are queues that share the orders: all events of one go to the same queue.
type partitions struct {
	*tale
	ch       *amqp.Channel
	exchange string
	queues   []string
	left     int                 // how many events are to be handled
	handled  map[string]sequence // by order
}

func name(n int) string { return fmt.Sprintf("order-%d", n+1) }

func (p *partitions) add() {
	q := fmt.Sprintf("%s.%d", p.queue, len(p.queues))
	p.declare(q, nil)
	p.do(func() error { return p.Bind(q, p.exchange) })
	p.queues = append(p.queues, q)
}

// publish publishes events of each order.
func (p *partitions) publish(ctx context.Context, events ...string) {
	var messages []stage.Message
	for _, event := range events {
		for n := range orders {
			messages = append(messages, stage.Message{Key: name(n), Body: name(n) + " " + event})
		}
	}
	p.left += len(messages)
	p.do(func() error { return p.Publish(ctx, p.exchange, messages...) })
}

// handle handles all that is there, one event of each partition in turn: they are equally fast.
func (p *partitions) handle() {
	for p.left > 0 && p.err == nil {
		for _, q := range p.queues {
			p.do(func() error {
				d, ok, err := p.ch.Get(q, true)
				if err == nil && ok {
					order, event, _ := strings.Cut(string(d.Body), " ")
					p.handled[order] = append(p.handled[order], event)
					p.left--
				}
				return err
			})
		}
	}
}
