package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/demo/stage"
)

const (
	patience = 30 * time.Second       // for what must come
	moment   = 300 * time.Millisecond // for what may come
)

// A tale is that of the four events. After an error nothing more happens in it: err is the first one.
type tale struct {
	*stage.Stage
	queue     string // a name of its own: the channels of other tales know nothing of it
	queueType string
	handled   sequence
	err       error
}

// A sequence is what was done with events, in this order: "2", or "b2" if consumer b handled it, or "2!" for a try that failed.
type sequence []string

// inOrder tells whether no event was handled after a later one. To handle one twice is another matter.
func (s sequence) inOrder() bool {
	var events []string
	for _, step := range s {
		if !strings.HasSuffix(step, "!") {
			events = append(events, step[len(step)-1:])
		}
	}
	return slices.IsSorted(events)
}

// do is a step of the tale.
func (t *tale) do(step func() error) {
	if t.err == nil {
		t.err = step()
	}
}

// declare makes the tale's queue, or another of its kind.
func (t *tale) declare(queue string, args amqp.Table) {
	with := amqp.Table{"x-queue-type": t.queueType}
	for k, v := range args {
		with[k] = v
	}
	t.do(func() error { return t.Declare(queue, with) })
}

// publish puts events into the queue, one after another.
func (t *tale) publish(ctx context.Context, events ...string) {
	var messages []stage.Message
	for _, e := range events {
		messages = append(messages, stage.Message{Key: t.queue, Body: e})
	}
	t.do(func() error { return t.Publish(ctx, "", messages...) })
}

// A consumer has a channel of its own, and a name if there are several.
type consumer struct {
	*tale
	name       string
	ch         *amqp.Channel
	deliveries <-chan amqp.Delivery
}

// consume begins to consume the queue, with so many events sent ahead at most. Without a channel it opens one on the stage's
// connection.
func (t *tale) consume(ch *amqp.Channel, name string, prefetch int) *consumer {
	c := &consumer{tale: t, name: name, ch: ch}
	t.do(func() (err error) {
		if c.ch == nil {
			if c.ch, err = t.Channel(); err != nil {
				return err
			}
		}
		if err := c.ch.Qos(prefetch, 0, false); err != nil {
			return fmt.Errorf("limit what is sent ahead: %w", err)
		}
		if c.deliveries, err = c.ch.Consume(t.queue, name, false, false, false, false, nil); err != nil {
			return fmt.Errorf("consume %q: %w", t.queue, err)
		}
		return nil
	})
	return c
}

// next waits for an event.
func (c *consumer) next(ctx context.Context) (d amqp.Delivery) {
	c.do(func() (err error) {
		if d, err = stage.Next(ctx, c.deliveries, patience); err != nil {
			return fmt.Errorf("consumer %q: %w", c.name, err)
		}
		return nil
	})
	return d
}

// handle does the work of an event, and acks it. Where the connection is gone the ack fails, and the work was done.
func (c *consumer) handle(d amqp.Delivery) {
	c.do(func() error {
		c.handled = append(c.handled, c.name+string(d.Body))
		if err := d.Ack(false); !errors.Is(err, amqp.ErrClosed) {
			return err
		}
		return nil
	})
}

// fail is a try that failed, and what the consumer does then.
func (c *consumer) fail(d amqp.Delivery, then func() error) {
	c.do(func() error {
		c.handled = append(c.handled, c.name+string(d.Body)+"!")
		return then()
	})
}

// handleNext handles the next n events, one after another.
func (c *consumer) handleNext(ctx context.Context, n int) {
	for range n {
		c.handle(c.next(ctx))
	}
}

// handleSome handles what comes until nothing has come for a moment, and returns how many events that were.
func (c *consumer) handleSome(ctx context.Context) (n int) {
	for c.err == nil {
		d, err := stage.Next(ctx, c.deliveries, moment)
		if errors.Is(err, stage.ErrNothing) {
			break
		}
		c.do(func() error { return err })
		c.handle(d)
		n++
	}
	return n
}
