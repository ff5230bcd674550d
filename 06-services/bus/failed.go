package bus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/06-services/events"
	"warren.example/06-services/failpoint"
)

// work handles a group, and moves what failed to where it waits for another try, or is parked. It returns an error if RabbitMQ
// hasn't confirmed all that is to be moved: then none of the group may be acked.
func (c *Consumer) work(ctx context.Context, mover *Publisher, group []amqp.Delivery) error {
	errs := make([]error, len(group))
	messages := make([]events.Message, 0, len(group))
	index := make([]int, 0, len(group))
	for i, d := range group {
		m, err := message(d)
		if err != nil {
			errs[i] = err
			continue
		}
		messages = append(messages, m)
		index = append(index, i)
	}
	if len(messages) > 0 {
		for i, err := range c.handle(context.WithoutCancel(ctx), messages) {
			errs[index[i]] = err
		}
	}
	var moves []outgoing
	for i, err := range errs {
		if err != nil {
			moves = append(moves, c.move(group[i], err))
		}
	}
	if len(moves) == 0 {
		return nil
	}
	err := errors.Join(mover.send(ctx, moves)...)
	failpoint.Reach("bus.moved")
	return err
}

// handle calls Handle, and makes errors of what it does wrong.
func (c *Consumer) handle(ctx context.Context, messages []events.Message) (errs []error) {
	all := func(err error) []error {
		errs := make([]error, len(messages))
		fill(errs, err)
		return errs
	}
	defer func() {
		if p := recover(); p != nil {
			c.Observe("panic", 1)
			c.Log.Error("a handler panicked", "queue", c.Queue, "panic", p, "stack", string(debug.Stack()))
			errs = all(fmt.Errorf("panic: %v", p))
		}
	}()
	errs = c.Handle(ctx, messages)
	if len(errs) != len(messages) {
		return all(fmt.Errorf("the handler returned %d results for %d messages", len(errs), len(messages)))
	}
	return errs
}

// move says where a message goes that failed: to the queue of the next wait, or to be parked.
func (c *Consumer) move(d amqp.Delivery, err error) outgoing {
	m := again(d)
	attempt, _ := integer(d.Headers[headerAttempt]) // anybody may have written it
	attempt = min(max(0, attempt), math.MaxInt32) + 1
	m.Headers[headerAttempt] = attempt
	m.Headers[headerQueue] = c.Queue
	text := err.Error()
	m.Headers[headerReason] = text[:min(len(text), maxReason)]
	log := c.Log.With("queue", c.Queue, "type", d.Type, "id", d.MessageId, "order", d.CorrelationId, "attempt", attempt,
		"error", err)
	waits := Queues{Retry: c.Retry}.waits()
	if errors.Is(err, events.ErrMalformed) || attempt > int64(len(waits)) {
		log.Error("a message is parked")
		c.Observe("parked", 1)
		return outgoing{exchange: events.Dead, key: c.Queue, Publishing: m}
	}
	log.Warn("a message failed and is tried again")
	c.Observe("retry", 1)
	wait := waits[attempt-1]
	wait = wait/2 + rand.N(wait/2+1) // a crowd that fails together doesn't come back together
	m.Expiration = strconv.FormatInt(max(1, wait.Milliseconds()), 10)
	return outgoing{key: retryQueue(c.Queue, int(attempt)), Publishing: m}
}

// maxReason is how many bytes of an error go along: all headers must fit into one frame.
const maxReason = 1000
