package main

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/demo/stage"
)

// A happening is something ordinary that may break the order.
type happening struct {
	name, what string
	happen     func(context.Context, *tale)
}

var happenings = []happening{
	{"workers", "a and b share the queue, and a is slow", shared},
	{"give back", "2 fails once; one at a time", givenBack(1)},
	{"give back", "2 fails once; 3 and 4 were sent ahead", givenBack(3)},
	{"give back", "the same; the channel is closed instead", allGivenBack},
	{"retry", "2 fails once, and waits in a retry queue", retried},
	{"publishers", "1 is published first, on a slow line", published(false)},
	{"publishers", "the same; 2 waits for the confirm of 1", published(true)},
	{"hand-over", "a cancels, then finishes what it has", cancelled},
	{"hand-over", "a finishes 1, then closes its channel", closed},
	{"failover", "a is cut off, and finishes 1", cutOff},
	{"partitions", "2 become 3 after event 2", repartitioned(false)},
	{"partitions", "the same; they are emptied first", repartitioned(true)},
}

// single makes one consumer at a time the active one of a queue. The others wait until it is gone.
var single = amqp.Table{"x-single-active-consumer": true}

func shared(ctx context.Context, t *tale) {
	t.declare(t.queue, nil)
	a := t.consume(nil, "a", 1)
	t.publish(ctx, "1")
	one := a.next(ctx)
	b := t.consume(nil, "b", 1)
	t.publish(ctx, "2", "3", "4")
	b.handleNext(ctx, 3)
	a.handle(one)
}

func givenBack(prefetch int) func(context.Context, *tale) {
	return func(ctx context.Context, t *tale) {
		t.declare(t.queue, nil)
		t.publish(ctx, "1", "2", "3", "4")
		c := t.consume(nil, "", prefetch)
		c.handleNext(ctx, 1)
		two := c.next(ctx)
		c.fail(two, func() error { return two.Reject(true) })
		c.handleNext(ctx, 3)
	}
}

// allGivenBack closes the channel when 2 fails: all that was sent ahead goes back with it.
func allGivenBack(ctx context.Context, t *tale) {
	t.declare(t.queue, nil)
	t.publish(ctx, "1", "2", "3", "4")
	c := t.consume(nil, "", 3)
	c.handleNext(ctx, 1)
	c.fail(c.next(ctx), func() error { return c.ch.Close() })
	t.consume(nil, "", 3).handleNext(ctx, 3)
}

// retried puts 2 into a queue from which it comes back when its time is over (04/4).
func retried(ctx context.Context, t *tale) {
	retry := t.queue + ".retry"
	t.declare(t.queue, nil)
	t.declare(retry, amqp.Table{
		"x-message-ttl":             moment.Milliseconds(),
		"x-dead-letter-exchange":    "",
		"x-dead-letter-routing-key": t.queue,
	})
	t.publish(ctx, "1", "2", "3", "4")
	c := t.consume(nil, "", 1)
	c.handleNext(ctx, 1)
	two := c.next(ctx)
	c.fail(two, func() error {
		return errors.Join(t.Publish(ctx, "", stage.Message{Key: retry, Body: string(two.Body)}), two.Ack(false))
	})
	c.handleNext(ctx, 3)
}

// cancelled stops the active consumer as 03/2 does: it cancels, finishes what it has in its hands, and closes its channel.
func cancelled(ctx context.Context, t *tale) {
	t.declare(t.queue, single)
	a, b := t.consume(nil, "a", 2), t.consume(nil, "b", 1)
	t.publish(ctx, "1", "2", "3", "4")
	one, two := a.next(ctx), a.next(ctx)
	t.do(func() error { return a.ch.Cancel("a", false) })
	early := b.handleSome(ctx) // a is still busy
	a.handle(one)
	a.handle(two)
	t.do(func() error { return a.ch.Close() })
	b.handleNext(ctx, 2-early)
}

// closed stops it so that the order is kept: it finishes the event in work. 2, which was sent ahead, goes back.
func closed(ctx context.Context, t *tale) {
	t.declare(t.queue, single)
	a, b := t.consume(nil, "a", 2), t.consume(nil, "b", 1)
	t.publish(ctx, "1", "2", "3", "4")
	a.handleNext(ctx, 1)
	t.do(func() error { return a.ch.Close() })
	b.handleNext(ctx, 3)
}
