package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/06-services/events"
	"warren.example/06-services/failpoint"
)

// A Consumer consumes one queue. What its Handle fails at is tried again after a while, step by step (04/4), and parked in the
// end; what is malformed is parked at once. Neither is lost: both are moved with confirms, before the ack.
type Consumer struct {
	Config
	Queue    string
	Topology Topology        // declared whenever it connects: somebody may have deleted the queue. It may be empty
	Retry    []time.Duration // as in Queues
	Workers  int             // how many groups are handled at once, at least 1
	Group    int             // how many messages a group has at most, at least 1
	// Handle handles the messages that were there, and waits for no more: a group is large when there is much to do. It returns
	// for each message what became of it: nil, an error that wraps events.ErrMalformed, or another one. A panic counts as an
	// error of the whole group. Its ctx doesn't end when the consumer is told to.
	Handle func(ctx context.Context, group []events.Message) []error
}

// Run consumes until ctx ends: then it finishes what it has begun, gives the rest back and returns nil. If the connection or
// the queue is lost it makes a new session, for ever. It returns an error at once for fields that can't be right.
func (c *Consumer) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Workers < 1 || c.Group < 1 || c.Handle == nil {
		return errors.New("bus: a consumer needs workers, a group and a Handle")
	}
	mover, err := NewPublisher(c.Config, c.Workers*c.Group)
	if err != nil {
		return err
	}
	defer mover.Close(ctx)
	return c.sessions(ctx, func(s *session) error { return c.consume(ctx, s, mover) })
}

// sessions makes one session after another until ctx ends. consume returns why it is over.
func (c *Config) sessions(ctx context.Context, consume func(s *session) error) error {
	for try, attempt := 0, 0; ctx.Err() == nil; try++ {
		if try > 0 {
			attempt++
			if err := c.Pause(ctx, attempt); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			c.Observe("reconnect", 1)
		}
		s, err := dial(ctx, *c, c.URLs[try%len(c.URLs)], nil)
		if err == nil {
			err = consume(s)
			s.close()
			if s.worked.Load() {
				attempt = 0
			}
		}
		if err != nil && ctx.Err() == nil {
			c.Log.Warn("not consuming", "error", err, "attempt", attempt+1)
		}
	}
	return nil
}

// consume is one session.
//
//	RabbitMQ ─▶ deliveries ─▶ next (a group, growing while all workers are busy) ─▶ groups ─▶ workers ─▶ acks
func (c *Consumer) consume(ctx context.Context, s *session, mover *Publisher) error {
	deliveries, err := c.subscribe(s)
	if err != nil {
		return err
	}
	life, fail := context.WithCancelCause(context.WithoutCancel(ctx)) // of the session
	defer fail(nil)
	go func() {
		select {
		case <-s.ended:
			fail(s.err)
		case <-life.Done():
		}
	}()
	// Handle has all the time in the world when ctx ends. Moving what it failed at has not: RabbitMQ may not answer any more.
	hurry := context.AfterFunc(ctx, func() { time.AfterFunc(closeTimeout, func() { fail(ctx.Err()) }) })
	defer hurry()

	groups := make(chan []amqp.Delivery)
	acks := &acks{session: s}
	var workers sync.WaitGroup
	for range c.Workers {
		workers.Go(func() {
			for group := range groups {
				if life.Err() != nil {
					continue // it comes again
				}
				err := c.work(life, mover, group)
				if err == nil {
					failpoint.Reach("bus.handled")
					err = acks.ack(group)
				}
				if err != nil {
					fail(err)
				}
			}
		})
	}
	defer workers.Wait() // second
	defer close(groups)  // first

	var next []amqp.Delivery
	for {
		in, out := deliveries, groups
		if len(next) == 0 {
			out = nil
		}
		if len(next) == c.Group {
			in = nil
		}
		select {
		case d, ok := <-in:
			if !ok {
				if !s.ch.IsClosed() {
					fail(errors.New("RabbitMQ has cancelled the consumer: the queue is gone"))
				}
				<-life.Done()
				return context.Cause(life)
			}
			next = append(next, d)
		case out <- next:
			next = nil
		case <-life.Done():
			return context.Cause(life)
		case <-ctx.Done():
			return c.giveBack(s, next, deliveries)
		}
	}
}

// subscribe declares what there should be and begins to consume.
func (c *Consumer) subscribe(s *session) (<-chan amqp.Delivery, error) {
	if err := c.Topology.declare(s.ch); err != nil {
		return nil, err
	}
	if err := s.ch.Qos(c.Workers*c.Group*2, 0, false); err != nil { // one group at work, one on its way
		return nil, fmt.Errorf("set the prefetch: %w", err)
	}
	deliveries, err := s.ch.Consume(c.Queue, c.Queue, false, false, false, false, nil)
	if err != nil {
		return nil, fmt.Errorf("consume %q: %w", c.Queue, err)
	}
	return deliveries, nil
}

// giveBack cancels the consumer, and gives back what it has got and nobody has begun. It cancels first: who still consumes gets
// again what he gives back.
func (c *Consumer) giveBack(s *session, next []amqp.Delivery, deliveries <-chan amqp.Delivery) error {
	if err := s.ch.Cancel(c.Queue, false); err != nil {
		return fmt.Errorf("cancel the consumer: %w", err)
	}
	for d := range deliveries {
		next = append(next, d)
	}
	for _, d := range next {
		if err := d.Nack(false, true); err != nil { // not Reject: RabbitMQ 4.3 counts that for the delivery limit
			return fmt.Errorf("give back: %w", err)
		}
	}
	return nil
}
