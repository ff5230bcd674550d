// The next answer that comes is taken for the answer to this call.
//
// In production: two operators ask at the same time, and each reads about the other's order.
//
// want TestAnswersFindTheirCalls: "Call returned \"order-"

package rpc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

const replyTo = "amq.rabbitmq.reply-to"

// A Client asks services and waits for their answers.
type Client struct {
	ch      *amqp.Channel
	answers <-chan amqp.Delivery
}

// NewClient returns a client that asks over one channel of its own on conn.
func NewClient(ctx context.Context, conn *amqp.Connection) (*Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	answers, err := ch.Consume(replyTo, "", true, false, false, false, nil)
	if err != nil {
		ch.Close()
		return nil, fmt.Errorf("consume answers: %w", err)
	}
	return &Client{ch: ch, answers: answers}, nil
}

// Call sends request to queue and returns the answer to it.
func (c *Client) Call(ctx context.Context, queue string, request []byte) ([]byte, error) {
	err := c.ch.PublishWithContext(ctx, "", queue, false, false, amqp.Publishing{
		CorrelationId: rand.Text(),
		ReplyTo:       replyTo,
		Body:          request,
	})
	if err != nil {
		return nil, fmt.Errorf("send request to %q: %w", queue, err)
	}

	select {
	case d, ok := <-c.answers:
		if !ok {
			return nil, fmt.Errorf("wait for the answer of %q: %w", queue, errLost)
		}
		return d.Body, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the answer of %q: %w", queue, ctx.Err())
	}
}

var errLost = errors.New("the client was closed or its connection lost")

// Close closes the client's channel.
func (c *Client) Close() error {
	return c.ch.Close()
}
