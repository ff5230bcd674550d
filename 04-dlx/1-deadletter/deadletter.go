// Package deadletter gives orders that can never be done a place where somebody finds them. 04/5 counts them, and 04/6 sends
// them back.
package deadletter

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The way of an order that is refused. shop.dead is there for all services: each has a parked queue of its own, called
// <service>.parked. Here it is the order service's.
//
//	     ╭────────────────╮ refused  ╭───────────╮ order.parked ╭──────────────╮
//	────▶│ order.commands ├─────────▶│ shop.dead ├─────────────▶│ order.parked │
//	     ╰────────────────╯          ╰── topic ──╯              ╰──────────────╯
const (
	Queue    = "order.commands"
	Exchange = "shop.dead"    // of type topic
	Parked   = "order.parked" // and the key of its binding
)

// Declare makes Queue, Exchange, Parked and what leads from one to the next. Every service calls it when it starts.
//   - An order that dies in Queue is in Parked, whatever key it came with. On Exchange its key is Parked, so that others
//     can listen there too. What comes to Exchange with another key is not for Parked.
//   - No order ever dies without a trace: wherever the connection breaks in the middle of Declare, either there is no
//     Queue yet, or what dies in it is in Parked.
//   - All of it is durable, and stays until somebody deletes it. What waits in Queue or Parked waits as long as it takes: it
//     neither expires nor is pushed out by later ones.
//   - What is there already stays as it is, with all that waits in it. Calling Declare again finishes what an earlier
//     call began.
//   - Something is there with other properties: return an error that wraps RabbitMQ's *amqp.Error (406). Nothing is
//     deleted or emptied. RabbitMQ closes ch then; in all other cases it stays open.
//   - Channel or connection lost: return an error.
func Declare(ch *amqp.Channel) error {
	// TODO(04/1): declare the three and bind them, in an order that never loses one.
	return notDone
}

// Handle takes the orders of Queue one after another, until ctx ends, and asks validate about each.
//   - validate returns nil: the order is acked.
//   - validate returns an error: the order is refused. It leaves Queue and is in Parked, as it was, with RabbitMQ's x-death
//     on it, which says where it died and of what. It doesn't come again, and it is no reason for Handle to end.
//   - Each order is answered once, after validate has returned and before it is asked about the next one.
//   - ctx ends: begin no further order, let a running validate finish and answer for it, return nil.
//   - Channel, connection or Queue lost, or never there: return an error. Reconnecting is 01/5.
//   - ch is for this call alone and stays open. When Handle has returned, nothing of it is under way on ch: the caller
//     closes it, and then RabbitMQ takes back what it sent and nobody answered.
func Handle(ctx context.Context, ch *amqp.Channel, validate func(amqp.Delivery) error) error {
	// TODO(04/1): consume, ask validate about each order, answer.
	return notDone
}
