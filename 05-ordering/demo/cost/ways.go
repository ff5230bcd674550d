package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/demo/stage"
)

const (
	exchange = "demo.cost"
	prefetch = 20
)

// A way to have the work done by several workers.
type way struct {
	name        string
	single      bool // one worker of a queue is active, the others stand by
	partitioned bool // a queue for each worker, chosen by the order's hash
	resequenced bool // behind the workers events are put into their order
}

var ways = []way{
	{name: "one queue, all workers"},
	{name: "single active consumer", single: true},
	{name: "a partition for each", single: true, partitioned: true},
	{name: "all workers, resequenced", resequenced: true},
}

// A result is what one way came to.
type result struct {
	events int
	took   time.Duration
	late   int // how many events were done after a later one of their order
	held   int // how many waited for an earlier one of their order, at most
}

func (r *result) add(other result) {
	r.events += other.events
	r.took += other.took
	r.late += other.late
	r.held = max(r.held, other.held)
}

func (r *result) rate() float64 { return float64(r.events) / r.took.Seconds() }

// A done event has been worked on. It is acked when its turn has come.
type done struct {
	event
	delivery amqp.Delivery
}

// measure fills the queues, lets the workers begin, and takes the time until all events are done and acked.
//
//	queue ──► worker ──╮
//	queue ──► worker ──┼─ finished ──► here: count, ack
//	queue ──► worker ──╯
func (w way) measure(ctx context.Context, s *stage.Stage, j job) (r result, err error) {
	queues, err := w.fill(ctx, s, j)
	if err != nil {
		return r, err
	}
	var working sync.WaitGroup
	defer working.Wait()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil) // runs before Wait does

	began := time.Now()
	finished := make(chan done)
	for i := range j.workers {
		working.Go(func() {
			if err := work(ctx, s, queues[i%len(queues)], j.work, finished); err != nil {
				end(err)
			}
		})
	}
	order := newSequence()
	for r.events < len(j.events) {
		select {
		case <-ctx.Done():
			return r, context.Cause(ctx)
		case d := <-finished:
			due := []done{d}
			if w.resequenced {
				due = order.hold(d)
				r.held = max(r.held, order.held)
			}
			for _, d := range due {
				r.events++
				if order.isLate(d.event) {
					r.late++
				}
				if err := d.delivery.Ack(false); err != nil {
					return r, fmt.Errorf("ack: %w", err)
				}
			}
		}
	}
	r.took = time.Since(began)
	return r, nil
}

// fill declares the way's queues and publishes all events.
func (w way) fill(ctx context.Context, s *stage.Stage, j job) (queues []string, err error) {
	if err := s.HashExchange(exchange); err != nil {
		return nil, err
	}
	n := 1
	if w.partitioned {
		n = j.workers
	}
	for i := range n {
		q := fmt.Sprintf("%s.%d", exchange, i)
		if err := s.Declare(q, amqp.Table{"x-single-active-consumer": w.single}); err != nil {
			return nil, err
		}
		if err := s.Bind(q, exchange); err != nil {
			return nil, err
		}
		queues = append(queues, q)
	}
	var messages []stage.Message
	for _, e := range j.events {
		messages = append(messages, stage.Message{Key: e.key(), Body: e.body()})
	}
	return queues, s.Publish(ctx, exchange, messages...)
}

// work handles events of a queue, one after another, until ctx ends.
func work(ctx context.Context, s *stage.Stage, queue string, takes time.Duration, finished chan<- done) error {
	ch, err := s.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(prefetch, 0, false); err != nil {
		return fmt.Errorf("limit what is sent ahead: %w", err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return errors.New("the channel was closed")
			}
			e, err := read(d)
			if err != nil {
				return err
			}
			if takes > 0 {
				time.Sleep(takes/2 + rand.N(takes)) // half of it, or one and a half, or something between
			}
			select {
			case finished <- done{event: e, delivery: d}:
			case <-ctx.Done():
				return nil
			}
		}
	}
}
