// It listens for confirms and takes the next one for the answer to this order.
// In production one answer comes after its caller gave up, and from then on each order gets the answer to the one before.
//
// want TestAnswerCountsForItsOwnOrder: "the ack for order-6 came late"

package restart

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

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

// One listener for each channel.
var (
	mu        sync.Mutex // guards listeners
	listeners = map[*amqp.Channel]chan amqp.Confirmation{}
)

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

// Store publishes order and waits for the next confirm on ch.
func Store(ctx context.Context, ch *amqp.Channel, order Order) error {
	body, err := json.Marshal(order)
	if err != nil {
		return fmt.Errorf("encode order %s: %w", order.ID, err)
	}
	if err := ch.Confirm(false); err != nil { // asking for it again changes nothing
		return fmt.Errorf("select confirm mode: %w", err)
	}
	mu.Lock()
	confirms := listeners[ch]
	if confirms == nil {
		confirms = ch.NotifyPublish(make(chan amqp.Confirmation, 100))
		listeners[ch] = confirms
	}
	mu.Unlock()
	err = ch.PublishWithContext(ctx, Exchange, Key, false, false, amqp.Publishing{
		ContentType:  "application/json",
		DeliveryMode: amqp.Persistent, // the zero value means: forget it when you restart
		MessageId:    order.ID,
		Body:         body,
	})
	if err != nil {
		return fmt.Errorf("publish order %s: %w", order.ID, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for the confirm of order %s: %w", order.ID, ctx.Err())
	case c, open := <-confirms:
		if !open || !c.Ack {
			return fmt.Errorf("publish order %s: not confirmed", order.ID)
		}
	}
	return nil
}
