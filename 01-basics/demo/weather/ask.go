package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	replyTo = "amq.rabbitmq.reply-to" // RabbitMQ's name for "the channel that this came from"
	timeout = 10 * time.Second
)

// ask sends a question about each city, all at once, and prints the answers as they come.
func ask(ctx context.Context, url string, cities []string, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := amqp.Dial(url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close() // ends its channels too
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	// Whoever comes first makes the queue: questions wait for the service.
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	answers, err := ch.Consume(replyTo, "", true, false, false, false, nil) // before the first question
	if err != nil {
		return fmt.Errorf("consume the answers: %w", err)
	}

	began := time.Now()
	open := make(map[string]string) // cities without an answer, by correlation id
	for i, city := range cities {
		id := fmt.Sprint(i)
		question := amqp.Publishing{
			CorrelationId: id,
			ReplyTo:       replyTo,
			ContentType:   "text/plain",
			Expiration:    fmt.Sprint(timeout.Milliseconds()), // nobody waits for it after that
			Body:          []byte(city),
		}
		if err := ch.PublishWithContext(ctx, "", queue, false, false, question); err != nil {
			return fmt.Errorf("ask about %s: %w", city, err)
		}
		open[id] = city
		fmt.Fprintf(stdout, "%6.2f s  %s?\n", time.Since(began).Seconds(), city)
	}
	for len(open) > 0 {
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("%d questions without an answer after %v: does a service run? (weather serve)",
					len(open), timeout)
			}
			return nil // asked to stop
		case answer, ok := <-answers:
			if !ok {
				return errors.New("the connection is gone")
			}
			city, waits := open[answer.CorrelationId]
			if !waits {
				continue
			}
			delete(open, answer.CorrelationId)
			fmt.Fprintf(stdout, "%6.2f s  %s: %s\n", time.Since(began).Seconds(), city, answer.Body)
		}
	}
	return nil
}
