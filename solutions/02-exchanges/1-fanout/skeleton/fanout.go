// Package fanout tells every instance of the catalog how much stock is left, so that each can drop what it has cached.
// It neither connects nor caches.
package fanout

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Exchange is where stock updates are published: a durable fanout exchange.
const Exchange = "shop.stock"

// An Update says how many of a product are left. It travels as JSON: {"sku":"teapot","left":3}.
type Update struct {
	SKU  string `json:"sku"`
	Left int    `json:"left"`
}

// Publish sends an update to every subscriber that runs.
//   - The exchange is made if it isn't there: durable, not auto-delete.
//   - Nobody listens: the update is gone, and that is no error.
//   - Something fails: the error says at which step, and wraps the cause.
//   - ch stays open: it is the caller's.
func Publish(ctx context.Context, ch *amqp.Channel, u Update) error {
	// TODO(02/1): declare the exchange, publish u as JSON.
	return notDone
}

// A Subscriber hears every update, whoever else listens.
type Subscriber struct {
	// Handle is given each update.
	Handle func(Update)
}

// Run listens until ctx ends. What is published while no Run listens is missed.
//   - It makes the exchange as Publish does: either may come first.
//   - It has a queue that nobody shares with it: many Subscribers run in one process, and in many processes. RabbitMQ
//     gives the queue to this connection only (exclusive).
//   - When Run returns, its queue is gone and its channel closed, though conn stays open. If the process dies, the queue
//     goes with its connection.
//   - Updates are handled one at a time, in the order in which they came.
//   - A message that can't be decoded as an Update is skipped, once and for all. More fields than an Update has do no harm.
//   - ctx ends: begin no further update, let the running Handle finish, return nil.
//   - Queue, channel or connection lost: return an error. Then the caller dials, and calls Run again on the new
//     connection. RabbitMQ may still believe in the old one for a minute, and keep its queue: that stands in nobody's way.
func (s *Subscriber) Run(ctx context.Context, conn *amqp.Connection) error {
	// TODO(02/1): open a channel, declare the exchange and a queue, bind the queue, consume from it.
	return notDone
}
