// Package direct has orders picked in the warehouse: the urgent ones by pickers of their own, from a queue of their own.
// It neither connects nor picks.
package direct

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Exchange is where orders are placed: a durable direct exchange. The routing key is the order's kind.
const Exchange = "shop.picking"

// A Kind says how urgent an order is. There are no others than these.
type Kind string

const (
	Standard Kind = "standard"
	Priority Kind = "priority"
)

// An Order is to be picked. It travels as JSON: {"id":"order-7","kind":"priority"}.
type Order struct {
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
}

// A Handler picks an order.
type Handler func(ctx context.Context, o Order) error

// Declare makes queue and binds it, so that orders of these kinds come into it from now on. The exchange is made if it
// isn't there.
//   - Each order comes into the queue once, whatever kinds the queue takes, and behind those that were placed before.
//   - The queue is durable and open to everybody.
//   - If queue is there already, what waits in it stays, and the kinds that it took before it still takes.
//   - Unknown kind: an error that names it, and nothing is made.
//   - Something fails: the error says at which step, and wraps the cause. ch stays open: it is the caller's.
func Declare(ch *amqp.Channel, queue string, kinds ...Kind) error {
	// TODO(02/2): declare exchange and queue, bind the queue to the exchange, once for each kind.
	return notDone
}

// Place sends an order to each queue that takes its kind, once. Declare has made them; if none takes it, the order is
// lost (02/5 mends that).
//   - Unknown kind: an error that names it, and nothing is sent.
//   - Something fails: the error wraps the cause. ch stays open: it is the caller's.
func Place(ctx context.Context, ch *amqp.Channel, o Order) error {
	// TODO(02/2): publish o as JSON, with the key that the queues are bound with.
	return notDone
}

// Work gives the orders of each queue in handlers to the queue's handler, until ctx ends.
//   - Queues don't wait for each other: while one handler is busy, the others go on.
//   - From each queue one order at a time. RabbitMQ sends the next one when the last one is answered; until then the rest
//     stays in the queue, where another process can take it.
//   - A handler that returns nil has picked the order. An error gives the order back. (It may loop; 04-dlx mends that.)
//     A message that can't be decoded as an Order is dropped.
//   - ctx ends: begin no further order, let the running handlers finish and answer for them, return nil. The context that
//     a handler gets does not end with ctx.
//   - One of the queues is gone, or its channel, or was never there: stop as when ctx ends, wait for its own handler too, and
//     return an error that names the queue. Losing one queue's channel takes no other queue's answers away.
//   - What Work opens it closes. conn stays open: it is the caller's.
func Work(ctx context.Context, conn *amqp.Connection, handlers map[string]Handler) error {
	// TODO(02/2): consume from each queue, in a goroutine of its own; wait for them all.
	return notDone
}
