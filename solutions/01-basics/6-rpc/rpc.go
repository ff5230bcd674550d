// Package rpc asks a service over the broker and waits for its answer. It is the asking side only, and no way to do
// what must not be done twice: who gets no answer doesn't know whether the request was carried out.
package rpc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// replyTo is RabbitMQ's name for "the channel that this request came from": https://www.rabbitmq.com/docs/direct-reply-to.
const replyTo = "amq.rabbitmq.reply-to"

// A Client asks services and waits for their answers. It may be used by many goroutines at once.
type Client struct {
	ch   *amqp.Channel
	done chan struct{} // closed when no answer can come any more

	mu      sync.Mutex             // guards what follows
	pending map[string]chan []byte // the calls that wait, by correlation id
}

// NewClient returns a client that asks over one channel of its own on conn. It is answered there by direct reply-to
// (amq.rabbitmq.reply-to), without a queue.
//   - ctx limits the set-up only. When it ends afterwards, the client goes on.
//   - It fails: an error, and no channel is left open. conn is the caller's and stays open.
func NewClient(ctx context.Context, conn *amqp.Connection) (*Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	// Before the first request, or RabbitMQ refuses it; without acks, since there is no queue to keep an answer.
	answers, err := ch.Consume(replyTo, "", true, false, false, false, nil)
	if err != nil {
		ch.Close()
		return nil, fmt.Errorf("consume answers: %w", err)
	}
	c := &Client{ch: ch, done: make(chan struct{}), pending: make(map[string]chan []byte)}
	go c.dispatch(answers)
	return c, nil
}

// Call sends request to queue and returns the answer to it: the one with its correlation id.
//   - Calls wait side by side: answers come in any order, and a slow one holds up nobody.
//   - ctx ends first: return an error that wraps ctx's. Nothing is kept of the call, and an answer that comes later
//     is thrown away; no other call gets it. ctx has ended before: nothing is sent.
//   - The client is closed, or its channel or connection lost: return an error, at once, also for calls that wait.
func (c *Client) Call(ctx context.Context, queue string, request []byte) ([]byte, error) {
	id := rand.Text()
	answer := make(chan []byte, 1) // room for the answer: dispatch never waits for a caller
	c.mu.Lock()
	c.pending[id] = answer
	c.mu.Unlock()
	defer c.forget(id)

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

// dispatch hands each answer to the call that waits for it, until the channel is closed.
func (c *Client) dispatch(answers <-chan amqp.Delivery) {
	defer close(c.done)
	for d := range answers {
		c.mu.Lock()
		answer, waits := c.pending[d.CorrelationId]
		delete(c.pending, d.CorrelationId) // a second answer finds nobody
		c.mu.Unlock()
		if waits {
			answer <- d.Body
		}
	}
}

// forget takes a call out of those that wait.
func (c *Client) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

// Close closes the client's channel. Calls that wait return an error, as do later ones. Closing again does nothing and
// returns nil.
func (c *Client) Close() error {
	err := c.ch.Close()
	<-c.done
	return err
}
