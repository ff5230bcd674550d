package shop

import (
	"context"

	"warren.example/06-services/bus"
	"warren.example/06-services/outbox"
)

// Parts are pieces of the shop that others can be put in place of. A nil one is the shop's own.
type Parts struct {
	// Publisher makes what an outbox publishes by. window is how many messages may be under way.
	Publisher func(c bus.Config, window int) (Publisher, error)
	// Consume consumes a queue until ctx ends.
	Consume func(ctx context.Context, c *bus.Consumer) error
}

// A Publisher is a bus.Publisher, or what does the same.
type Publisher interface {
	outbox.Publisher
	Ready() error                    // nil if RabbitMQ takes messages at the moment
	Close(ctx context.Context) error // waits for what is under way, until ctx ends
}

// orDefault returns the parts with the shop's own where there was none.
func (p Parts) orDefault() Parts {
	if p.Publisher == nil {
		p.Publisher = func(c bus.Config, window int) (Publisher, error) { return bus.NewPublisher(c, window) }
	}
	if p.Consume == nil {
		p.Consume = func(ctx context.Context, c *bus.Consumer) error { return c.Run(ctx) }
	}
	return p
}
