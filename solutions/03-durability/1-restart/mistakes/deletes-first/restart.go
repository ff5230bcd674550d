// It makes a clean start: the queue is deleted before it is declared, so that there is never a conflict.
// In production each start of any service throws away what waits.
//
// want TestDeclareAgainKeepsWhatWaits: "order-7 waited, Declare was called once more"

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

// Declare deletes the queue and makes it anew.
func Declare(ch *amqp.Channel) error {
	if err := ch.ExchangeDeclare(Exchange, amqp.ExchangeDirect, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %q: %w", Exchange, err)
	}
	if _, err := ch.QueueDelete(Queue, false, false, false); err != nil {
		return fmt.Errorf("delete queue %q: %w", Queue, err)
	}
	if _, err := ch.QueueDeclare(Queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", Queue, err)
	}
	if err := ch.QueueBind(Queue, Key, Exchange, false, nil); err != nil {
		return fmt.Errorf("bind queue %q to exchange %q: %w", Queue, Exchange, err)
	}
	return nil
}

// Store publishes order and waits for the confirm.
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
