// Package rpc asks a service over the broker and waits for its answer. It is the asking side only, and no way to do
// what must not be done twice: who gets no answer doesn't know whether the request was carried out.
package rpc

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Client asks services and waits for their answers. It may be used by many goroutines at once.
type Client struct {
	// TODO(01/6): the channel, and the calls that wait for an answer.
}

// NewClient returns a client that asks over one channel of its own on conn. It is answered there by direct reply-to
// (amq.rabbitmq.reply-to), without a queue.
//   - ctx limits the set-up only. When it ends afterwards, the client goes on.
//   - It fails: an error, and no channel is left open. conn is the caller's and stays open.
func NewClient(ctx context.Context, conn *amqp.Connection) (*Client, error) {
	// TODO(01/6): open a channel, consume the answers on it, start a goroutine that hands answers to the calls that wait.
	return nil, notDone
}

// Call sends request to queue and returns the answer to it: the one with its correlation id.
//   - Calls wait side by side: answers come in any order, and a slow one holds up nobody.
//   - ctx ends first: return an error that wraps ctx's. Nothing is kept of the call, and an answer that comes later
//     is thrown away; no other call gets it. ctx has ended before: nothing is sent.
//   - The client is closed, or its channel or connection lost: return an error, at once, also for calls that wait.
func (c *Client) Call(ctx context.Context, queue string, request []byte) ([]byte, error) {
	// TODO(01/6): give the request an id, publish it, wait for the answer with that id.
	return nil, notDone
}

// Close closes the client's channel. Calls that wait return an error, as do later ones. Closing again does nothing and
// returns nil.
func (c *Client) Close() error {
	// TODO(01/6): close the channel; whoever waits must learn of it.
	return notDone
}
