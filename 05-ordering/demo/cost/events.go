package main

import (
	"fmt"
	"math/rand/v2"

	amqp "github.com/rabbitmq/amqp091-go"
)

const eventsOfAnOrder = 10

// An event of an order. seq counts from 1 within its order.
type event struct{ order, seq int }

func (e event) key() string  { return fmt.Sprintf("order-%d", e.order) }
func (e event) body() string { return fmt.Sprintf("%d %d", e.order, e.seq) }

// read reads an event from a delivery.
func read(d amqp.Delivery) (e event, err error) {
	if _, err := fmt.Sscan(string(d.Body), &e.order, &e.seq); err != nil {
		return e, fmt.Errorf("an event of %q: %w", d.RoutingKey, err)
	}
	return e, nil
}

// shuffled returns the events of all orders: those of each in their order, the orders mixed by chance, the same at each run.
func shuffled(orders int) []event {
	chance := rand.New(rand.NewPCG(7, 7))
	seqs := make([]int, orders)
	left := make([]int, 0, orders*eventsOfAnOrder)
	for order := range orders {
		for range eventsOfAnOrder {
			left = append(left, order)
		}
	}
	chance.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	var events []event
	for _, order := range left {
		seqs[order]++
		events = append(events, event{order: order, seq: seqs[order]})
	}
	return events
}
