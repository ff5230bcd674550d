// The consumer asks for updates that must be acked, and never acks one.
//
// In production: RabbitMQ keeps each update of the day for its ack. After half an hour it closes the channel, and the
// catalog restarts, every half hour.
//
// want TestEverySubscriberHearsEveryUpdate: "have no answer"

package fanout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

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
func Publish(ctx context.Context, ch *amqp.Channel, u Update) error {
	if err := declare(ch); err != nil {
		return err
	}
	body, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("encode the update of %s: %w", u.SKU, err)
	}
	message := amqp.Publishing{ContentType: "application/json", Body: body}
	if err := ch.PublishWithContext(ctx, Exchange, "", false, false, message); err != nil {
		return fmt.Errorf("publish the update of %s: %w", u.SKU, err)
	}
	return nil
}

func declare(ch *amqp.Channel) error {
	if err := ch.ExchangeDeclare(Exchange, amqp.ExchangeFanout, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %s: %w", Exchange, err)
	}
	return nil
}

// A Subscriber hears every update, whoever else listens.
type Subscriber struct {
	// Handle is given each update.
	Handle func(Update)
}

// Run listens until ctx ends. What is published while no Run listens is missed.
func (s *Subscriber) Run(ctx context.Context, conn *amqp.Connection) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close() // ends the consumer, and with it the queue

	if err := declare(ch); err != nil {
		return err
	}
	queue, err := ch.QueueDeclare("", false, true, true, false, nil) // "": RabbitMQ invents a name
	if err != nil {
		return fmt.Errorf("declare a queue: %w", err)
	}
	if err := ch.QueueBind(queue.Name, "", Exchange, false, nil); err != nil {
		return fmt.Errorf("bind %s to %s: %w", queue.Name, Exchange, err)
	}
	deliveries, err := ch.Consume(queue.Name, "", false, true, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %s: %w", queue.Name, err)
	}

	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return errors.New("no more updates: queue, channel or connection is gone")
			}
			if ctx.Err() != nil { // both cases were ready, and select took this one
				return nil
			}
			var u Update
			if err := json.Unmarshal(d.Body, &u); err != nil {
				slog.Error("skip a message that is no update", "err", err)
				continue
			}
			s.Handle(u)
		}
	}
}
