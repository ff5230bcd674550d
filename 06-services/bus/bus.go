// Package bus carries messages over RabbitMQ: a Publisher that confirms, a Consumer that hands over groups, both over as many
// connections as it takes; and the topology of the shop: who has which queues, and which rights a service needs.
//
//	outbox ─▶ Publisher ─▶ shop.commands ─▶ inventory.commands ─▶ Consumer ─▶ inbox
//	                       shop.events   ─▶ inventory.events       │  ▲
//	                                                      it fails │  │ after 1 s, 10 s, 1 min
//	                                                               ▼  │
//	                                  inventory.commands.retry.1, 2, 3
//	                                                               │ fails again, or is malformed
//	                       shop dlq replay ◀─ inventory.parked ◀─ shop.dead
//
// A session is one connection with one channel. It is used until it is lost, and then thrown away (01/5).
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	amqp "github.com/rabbitmq/amqp091-go"

	session03 "warren.example/03-durability/session"
)

// What Publish returns for a message that RabbitMQ has not taken. Whoever publishes it again does so under its old ID.
var (
	ErrUnroutable = errors.New("no queue took the message (basic.return)")
	ErrRefused    = errors.New("RabbitMQ refused the message (basic.nack)")
	ErrUnknown    = errors.New("no answer came: RabbitMQ may have the message")
	ErrUnsent     = errors.New("the message was not sent")
)

// Config is what publisher and consumer need.
type Config struct {
	URLs []string // the broker's nodes, "amqp://user:password@host:5672/vhost"; tried in turn
	Name string   // the connection's name in the management UI: the service's
	Log  *slog.Logger
	// Pause waits before the next try, as in 01/5: attempt is 1 for the first. It returns an error if ctx ends. nil waits as
	// the Pause of 03-durability/session does.
	Pause func(ctx context.Context, attempt int) error
	// Observe hears what happens: "reconnect", "blocked" (1 or 0), "retry", "parked", "panic". nil: nobody does.
	Observe func(name string, value float64)
}

// check completes c, and returns an error, without a password, for URLs that can't be any.
func (c *Config) check() error {
	if len(c.URLs) == 0 {
		return errors.New("bus: there is no URL")
	}
	for i, url := range c.URLs {
		if _, err := amqp.ParseURI(url); err != nil { // err shows all of it
			return fmt.Errorf("bus: URL %d of %d is not like amqp://user:password@host:5672/vhost", i+1, len(c.URLs))
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Pause == nil {
		c.Pause = session03.Pause
	}
	if c.Observe == nil {
		c.Observe = func(string, float64) {}
	}
	return nil
}
