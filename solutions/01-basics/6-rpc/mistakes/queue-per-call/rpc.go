// Each call declares a queue for its answer and consumes it, over a channel of its own: the shape of many tutorials.
//
// In production: each queue is a process on the broker and an entry in its database. A thousand questions a second
// make and drop a thousand of them, and in a cluster every node takes part.
//
// want TestCallsLeaveNothingOnTheBroker: "5 queue.declare"

package rpc

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Client asks services and waits for their answers.
type Client struct {
	conn *amqp.Connection
	done chan struct{} // closed by Close

	once sync.Once
}

// NewClient returns a client that asks over conn.
func NewClient(ctx context.Context, conn *amqp.Connection) (*Client, error) {
	if conn.IsClosed() {
		return nil, amqp.ErrClosed
	}
	return &Client{conn: conn, done: make(chan struct{})}, ctx.Err()
}

// Call sends request to queue and returns the answer to it.
func (c *Client) Call(ctx context.Context, queue string, request []byte) ([]byte, error) {
	select {
	case <-c.done:
		return nil, amqp.ErrClosed
	default:
	}
	ch, err := c.conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	answers, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return nil, fmt.Errorf("declare a queue for the answer: %w", err)
	}
	deliveries, err := ch.Consume(answers.Name, "", true, true, false, false, nil)
	if err != nil {
		return nil, fmt.Errorf("consume the answer: %w", err)
	}
	err = ch.PublishWithContext(ctx, "", queue, false, false, amqp.Publishing{
		CorrelationId: rand.Text(),
		ReplyTo:       answers.Name,
		Body:          request,
	})
	if err != nil {
		return nil, fmt.Errorf("send request to %q: %w", queue, err)
	}
	select {
	case d, ok := <-deliveries:
		if !ok {
			return nil, amqp.ErrClosed
		}
		return d.Body, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the answer of %q: %w", queue, ctx.Err())
	case <-c.done:
		return nil, amqp.ErrClosed
	}
}

// Close ends the calls that wait.
func (c *Client) Close() error {
	c.once.Do(func() { close(c.done) })
	return nil
}
