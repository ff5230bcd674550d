package lab

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/management"
)

// The facts. They are asked over a connection of the lab's own around the tap, so they are current and leave no trace
// in the recording. What only the management API knows (Queue, Bindings) is current too as long as it is a definition.

// Declare declares a durable queue. Args may be nil.
func (l *Lab) Declare(queue string, args amqp.Table) {
	l.t.Helper()
	l.look()
	err := l.direct.ask(func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(queue, true, false, false, false, args)
		return err
	})
	if err != nil {
		l.Failf("lab: declare queue %q: %v", queue, err)
	}
}

// DeleteQueue deletes a queue with its messages. One that does not exist is fine.
func (l *Lab) DeleteQueue(queue string) {
	l.t.Helper()
	l.look()
	err := l.direct.ask(func(ch *amqp.Channel) error {
		_, err := ch.QueueDelete(queue, false, false, false)
		return err
	})
	if err != nil {
		l.Failf("lab: delete queue %q: %v", queue, err)
	}
}

// Publish puts a persistent text message for each body into a queue, in order, and returns when the broker has
// confirmed them. A queue that does not exist ends the test.
func (l *Lab) Publish(queue string, bodies ...string) {
	l.t.Helper()
	l.mustInspect(queue)
	for _, body := range bodies {
		l.Put("", queue, amqp.Publishing{ContentType: "text/plain", DeliveryMode: amqp.Persistent, Body: []byte(body)})
	}
}

// Put publishes a message, and returns when the broker has confirmed it. The broker also confirms what no queue takes.
func (l *Lab) Put(exchange, key string, m amqp.Publishing) {
	l.t.Helper()
	l.look()
	ctx, cancel := context.WithTimeout(context.Background(), l.Patience(brokerDeadline))
	defer cancel()
	err := l.direct.ask(func(ch *amqp.Channel) error {
		if err := ch.Confirm(false); err != nil {
			return err
		}
		confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, exchange, key, false, false, m)
		if err != nil {
			return err
		}
		acked, err := confirmation.WaitContext(ctx)
		if err == nil && !acked {
			err = errors.New("the broker refused it")
		}
		return err
	})
	if err != nil {
		l.Failf("lab: publish to exchange %q with key %q: %v", exchange, key, err)
	}
}

// Exists tells whether there is a queue of this name, exclusive ones too.
func (l *Lab) Exists(queue string) bool {
	l.t.Helper()
	_, err := l.passive(queue)
	if code(err) == amqp.ResourceLocked { // it is another connection's, so it exists
		return true
	}
	if err != nil && code(err) != amqp.NotFound {
		l.Failf("lab: look at queue %q: %v", queue, err)
	}
	return err == nil
}

// Depth returns how many messages of a queue are ready; those that a consumer has got are not: see Unacked. A queue
// that does not exist ends the test.
func (l *Lab) Depth(queue string) int {
	l.t.Helper()
	return l.mustInspect(queue).Messages
}

// Consumers returns how many consumers a queue has. A queue that does not exist ends the test.
func (l *Lab) Consumers(queue string) int {
	l.t.Helper()
	return l.mustInspect(queue).Consumers
}

// mustInspect looks at a queue that exists and is not exclusive.
func (l *Lab) mustInspect(queue string) amqp.Queue {
	l.t.Helper()
	q, err := l.passive(queue)
	if code(err) == amqp.NotFound {
		l.failMissing(queue)
	}
	if err != nil {
		l.Failf("lab: look at queue %q: %v", queue, err)
	}
	return q
}

func (l *Lab) failMissing(queue string) {
	l.t.Helper()
	l.Fail(Claim{
		Saw:  fmt.Sprintf("there is no queue %q", queue),
		Want: fmt.Sprintf("a queue %q", queue),
		Why:  "messages for a queue that does not exist are dropped, without a word",
	})
}

// passive declares passively: the broker's answer has no lag. A queue that doesn't exist costs the channel (404), and so
// does one that is exclusive to another connection (405).
func (l *Lab) passive(queue string) (q amqp.Queue, err error) {
	l.t.Helper()
	l.look()
	err = l.direct.ask(func(ch *amqp.Channel) (err error) {
		q, err = ch.QueueDeclarePassive(queue, false, false, false, false, nil)
		return err
	})
	return q, err
}

// code is the reply code of an error of the broker's, 0 of any other.
func code(err error) int {
	var refused *amqp.Error
	if !errors.As(err, &refused) {
		return 0
	}
	return refused.Code
}

// Get takes the next message from a queue. It waits for one, and ends the test if none comes within the deadline.
func (l *Lab) Get(queue string) amqp.Delivery {
	l.t.Helper()
	var m amqp.Delivery
	found := l.Soon(func() (ok bool) {
		m, ok = l.tryGet(queue)
		return ok
	})
	if !found {
		l.Fail(Claim{
			Saw:  fmt.Sprintf("queue %q stayed empty for %s", queue, l.Patience(defaultDeadline)),
			Want: fmt.Sprintf("a message in queue %q", queue),
		})
	}
	return m
}

// Drain takes all messages that are ready from a queue. It doesn't wait.
func (l *Lab) Drain(queue string) []amqp.Delivery {
	l.t.Helper()
	var all []amqp.Delivery
	for {
		m, ok := l.tryGet(queue)
		if !ok {
			return all
		}
		all = append(all, m)
	}
}

func (l *Lab) tryGet(queue string) (amqp.Delivery, bool) {
	l.t.Helper()
	l.mustInspect(queue)
	var m amqp.Delivery
	var ok bool
	err := l.direct.ask(func(ch *amqp.Channel) (err error) {
		m, ok, err = ch.Get(queue, true)
		return err
	})
	if err != nil {
		l.Failf("lab: get from queue %q: %v", queue, err)
	}
	return m, ok
}

// Queue returns the definition of a queue: durable or not, its arguments. The figures in it are up to 5 seconds old.
func (l *Lab) Queue(name string) management.Queue {
	l.t.Helper()
	l.mustInspect(name)
	ctx, cancel := context.WithTimeout(context.Background(), l.Patience(brokerDeadline))
	defer cancel()
	q, err := l.management.Queue(ctx, l.VHost, name)
	if err != nil {
		l.Failf("lab: look at queue %q: %v", name, err)
	}
	return q
}

// Bindings returns the bindings of the virtual host except those of the default exchange.
func (l *Lab) Bindings() []management.Binding {
	l.t.Helper()
	l.look()
	ctx, cancel := context.WithTimeout(context.Background(), l.Patience(brokerDeadline))
	defer cancel()
	all, err := l.management.Bindings(ctx, l.VHost)
	if err != nil {
		l.Failf("lab: list the bindings: %v", err)
	}
	var made []management.Binding
	for _, b := range all {
		if b.Source != "" {
			made = append(made, b)
		}
	}
	return made
}
