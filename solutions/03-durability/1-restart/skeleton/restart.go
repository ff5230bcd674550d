// Package restart keeps the shop's orders when RabbitMQ restarts, and when it crashes. It stores one at a time: many at once
// are 03/3.
package restart

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The way of an order to the inventory.
const (
	Exchange = "shop.commands" // of type direct
	Queue    = "inventory.commands"
	Key      = "stock.reserve.v1" // binds Queue to Exchange
)

// An Order asks the inventory to reserve stock.
type Order struct {
	ID       string `json:"id"`
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

// Declare makes the exchange, the queue and the binding between them. Every service calls it when it starts.
//   - All three are there after a restart of RabbitMQ, and after a crash.
//   - They stay until somebody deletes them. They don't go with the connection that made them, nor with the last consumer,
//     the last binding, or time.
//   - An order waits in the queue for as long as it takes: it neither expires nor is pushed out by later ones.
//   - What is there already stays as it is, with all that waits in it.
//   - Exchange or queue is there with other properties: return an error that wraps RabbitMQ's *amqp.Error (406), each time. Nothing is
//     deleted. RabbitMQ closes ch then; in all other cases it stays open.
func Declare(ch *amqp.Channel) error {
	// TODO(03/1): declare exchange, queue and binding so that they outlive the broker.
	return notDone
}

// Store publishes order to Exchange with Key. Its body is order as JSON.
//   - nil means: RabbitMQ has acked this very order (a publisher confirm, as in 01/3). From now on it is there after a restart, and after a kill -9.
//   - RabbitMQ nacks it, or channel or connection is lost before the answer: return an error.
//   - ctx ends before the answer: return an error that wraps ctx's. Whether RabbitMQ has the order is unknown then.
//   - A call publishes once. It is called again and again on the same ch, by one goroutine at a time. ch stays open,
//     unless RabbitMQ closes it.
//   - That there is a queue to take the order is Declare's work, and not looked at here: 02/5 does.
func Store(ctx context.Context, ch *amqp.Channel, order Order) error {
	// TODO(03/1): publish the order so that it is on disk before you return nil.
	return notDone
}
