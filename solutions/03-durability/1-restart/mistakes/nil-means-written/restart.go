// A persistent message for a durable queue, and nobody asks whether RabbitMQ has it: nil means that bytes were written.
// In production RabbitMQ is killed, and orders that were on their way or not on disk yet are gone. Publish, return, kill:
// 12 of 12 were lost.
//
// want TestOrdersOutliveAKill: "it never had the order"

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

// Declare makes exchange, queue and binding.
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

// Store publishes order, marked to be kept.
func Store(ctx context.Context, ch *amqp.Channel, order Order) error {
	body, err := json.Marshal(order)
	if err != nil {
		return fmt.Errorf("encode order %s: %w", order.ID, err)
	}
	err = ch.PublishWithContext(ctx, Exchange, Key, false, false, amqp.Publishing{
		ContentType:  "application/json",
		DeliveryMode: amqp.Persistent, // the zero value means: forget it when you restart
		MessageId:    order.ID,
		Body:         body,
	})
	if err != nil {
		return fmt.Errorf("publish order %s: %w", order.ID, err)
	}
	return nil
}
