package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A service answers questions about the weather.
type service struct {
	workers int           // how many questions it answers at a time
	slow    time.Duration // what one of its stations takes
	stdout  io.Writer
}

// run answers questions until ctx ends.
//
//	queue ──► deliveries ──┬──► worker ──► answer to whom asked, ack
//	                       ├──► worker
//	                       └──► worker
func (s service) run(ctx context.Context, url string) error {
	conn, err := amqp.Dial(url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close() // ends its channels too
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	if err := ch.Qos(2*s.workers, 0, false); err != nil { // one in work and one at hand for each worker
		return fmt.Errorf("limit what is sent ahead: %w", err)
	}
	questions, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	fmt.Fprintf(s.stdout, "serving: %d workers; the station of Reykjavik takes %v\n", s.workers, s.slow)

	var pool sync.WaitGroup
	for range s.workers {
		pool.Go(func() { s.work(ctx, ch, questions) })
	}
	pool.Wait()
	if ctx.Err() == nil {
		return errors.New("the connection is gone")
	}
	return nil
}

// work answers one question after another until ctx or the questions end.
func (s service) work(ctx context.Context, ch *amqp.Channel, questions <-chan amqp.Delivery) {
	for {
		select {
		case <-ctx.Done():
			return
		case q, ok := <-questions:
			if !ok {
				return
			}
			report, err := s.look(ctx, string(q.Body))
			if err != nil {
				return // asked to stop; the question is not acked, so RabbitMQ gives it to somebody else
			}
			answer := amqp.Publishing{CorrelationId: q.CorrelationId, ContentType: "text/plain", Body: []byte(report)}
			if err := ch.PublishWithContext(ctx, "", q.ReplyTo, false, false, answer); err != nil {
				return
			}
			q.Ack(false) // fails only when the channel is gone, and then the questions end too
		}
	}
}

var reports = map[string]string{
	"Lima":      "18 °C, fog",
	"Nairobi":   "24 °C, clear",
	"Oslo":      "4 °C, rain",
	"Reykjavik": "-1 °C, snow",
	"Rome":      "21 °C, sunny",
}

// look asks the station of a city. One of them takes its time; ctx ends that.
func (s service) look(ctx context.Context, city string) (string, error) {
	if city == "Reykjavik" {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(s.slow):
		}
	}
	report, ok := reports[city]
	if !ok {
		return "no station there", nil
	}
	return report, nil
}
