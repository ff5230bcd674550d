// Package restart keeps the shop's orders when RabbitMQ restarts, and when it crashes. It stores one at a time: many at once
// are 03/3.
package restart

import (
	"context"
	"encoding/json"
	"fmt"

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
	if err := ch.ExchangeDeclare(Exchange, amqp.ExchangeDirect, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %q: %w", Exchange, err)
	}
	if _, err := ch.QueueDeclare(Queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", Queue, err)
	}
	if err := ch.QueueBind(Queue, Key, Exchange, false, nil); err != nil {
		return fmt.Errorf("bind queue %q to exchange %q: %w", Queue, Exchange, err)
	}
	return nil
}

// Store publishes order to Exchange with Key. Its body is order as JSON.
//   - nil means: RabbitMQ has acked this very order (a publisher confirm, as in 01/3). From now on it is there after a restart, and after a kill -9.
//   - RabbitMQ nacks it, or channel or connection is lost before the answer: return an error.
//   - ctx ends before the answer: return an error that wraps ctx's. Whether RabbitMQ has the order is unknown then.
//   - A call publishes once. It is called again and again on the same ch, by one goroutine at a time. ch stays open,
//     unless RabbitMQ closes it.
//   - That there is a queue to take the order is Declare's work, and not looked at here: 02/5 does.
func Store(ctx context.Context, ch *amqp.Channel, order Order) error {
	body, err := json.Marshal(order)
	if err != nil {
		return fmt.Errorf("encode order %s: %w", order.ID, err)
	}
	if err := ch.Confirm(false); err != nil { // asking for it again changes nothing
		return fmt.Errorf("select confirm mode: %w", err)
	}
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, Exchange, Key, false, false, amqp.Publishing{
		ContentType:  "application/json",
		DeliveryMode: amqp.Persistent, // the zero value means: forget it when you restart
		MessageId:    order.ID,
		Body:         body,
	})
	if err != nil {
		return fmt.Errorf("publish order %s: %w", order.ID, err)
	}
	// For a persistent message in a durable queue the ack comes when it is on disk.
	acked, err := confirmation.WaitContext(ctx)
	if err != nil {
		return fmt.Errorf("wait for the confirm of order %s: %w", order.ID, err)
	}
	if !acked { // a nack, or the channel ended without an answer
		return fmt.Errorf("publish order %s: not confirmed", order.ID)
	}
	return nil
}
