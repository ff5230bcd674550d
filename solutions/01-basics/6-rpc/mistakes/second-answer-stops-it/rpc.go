// An answer is handed to its call as long as that call is in the map. The channel has room for one; a second answer
// to the same request waits until the call has gone, and then for ever.
//
// In production: the service is restarted before it acked the request, and answers it again. From then on no call is
// answered.
//
// want TestSecondAnswerStopsNobody: "Call still waits"

package rpc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

const replyTo = "amq.rabbitmq.reply-to"

// A Client asks services and waits for their answers.
type Client struct {
	ch   *amqp.Channel
	done chan struct{} // closed when no answer can come any more

	mu      sync.Mutex             // guards what follows
	pending map[string]chan []byte // the calls that wait, by correlation id
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
	c := &Client{ch: ch, done: make(chan struct{}), pending: make(map[string]chan []byte)}
	go c.dispatch(answers)
	return c, nil
}

// Call sends request to queue and returns the answer to it.
func (c *Client) Call(ctx context.Context, queue string, request []byte) ([]byte, error) {
	id := rand.Text()
	answer := make(chan []byte, 1)
	c.mu.Lock()
	c.pending[id] = answer
	c.mu.Unlock()

	err := c.ch.PublishWithContext(ctx, "", queue, false, false, amqp.Publishing{
		CorrelationId: id,
		ReplyTo:       replyTo,
		Body:          request,
	})
	if err != nil {
		return nil, fmt.Errorf("send request to %q: %w", queue, err)
	}

	select {
	case body := <-answer:
		return body, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the answer of %q: %w", queue, ctx.Err())
	case <-c.done:
		return nil, fmt.Errorf("wait for the answer of %q: %w", queue, errLost)
	}
}

var errLost = errors.New("the client was closed or its connection lost")

// dispatch hands each answer to the call that waits for it.
func (c *Client) dispatch(answers <-chan amqp.Delivery) {
	defer close(c.done)
	for d := range answers {
		c.mu.Lock()
		answer, waits := c.pending[d.CorrelationId]
		c.mu.Unlock()
		if waits {
			answer <- d.Body
		}
	}
}

// Close closes the client's channel.
func (c *Client) Close() error {
	return c.ch.Close()
}
