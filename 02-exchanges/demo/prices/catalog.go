package main

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A catalog is an instance of a service that keeps prices in memory.
type catalog struct {
	deliveries <-chan amqp.Delivery
	prices     map[string]string
}

// start binds queue, which may be another catalog's too, and begins to consume it.
func start(ch *amqp.Channel, queue string) (*catalog, error) {
	if _, err := ch.QueueDeclare(queue, false, true, true, false, nil); err != nil {
		return nil, fmt.Errorf("declare queue %q: %w", queue, err)
	}
	if err := ch.QueueBind(queue, "", exchange, false, nil); err != nil {
		return nil, fmt.Errorf("bind queue %q: %w", queue, err)
	}
	c := &catalog{prices: map[string]string{"tea": "3.90", "cup": "7.00", "pot": "25.00"}}
	var err error
	if c.deliveries, err = ch.Consume(queue, "", true, false, false, false, nil); err != nil {
		return nil, fmt.Errorf("consume %q: %w", queue, err)
	}
	return c, nil
}

// listen takes prices until it is told that these were all.
func (c *catalog) listen(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d, ok := <-c.deliveries:
			if !ok {
				return errors.New("the connection is gone")
			}
			if d.Type == all {
				return nil
			}
			c.prices[d.Type] = string(d.Body)
		}
	}
}
