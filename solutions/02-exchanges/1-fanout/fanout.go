// Package fanout tells every instance of the catalog how much stock is left, so that each can drop what it has cached.
// It neither connects nor caches.
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
//   - The exchange is made if it isn't there: durable, not auto-delete.
//   - Nobody listens: the update is gone, and that is no error.
//   - Something fails: the error says at which step, and wraps the cause.
//   - ch stays open: it is the caller's.
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
	// autoAck: an update that was not handled is lost with the cache that it was for.
	deliveries, err := ch.Consume(queue.Name, "", true, true, false, false, nil)
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
