// Package direct has orders picked in the warehouse: the urgent ones by pickers of their own, from a queue of their own.
// It neither connects nor picks.
package direct

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

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
	for _, kind := range kinds {
		if !kind.known() {
			return fmt.Errorf("declare queue %q: unknown kind %q", queue, kind)
		}
	}
	if err := ch.ExchangeDeclare(Exchange, amqp.ExchangeDirect, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %q: %w", Exchange, err)
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	for _, kind := range kinds {
		if err := ch.QueueBind(queue, string(kind), Exchange, false, nil); err != nil {
			return fmt.Errorf("bind queue %q to %s orders: %w", queue, kind, err)
		}
	}
	return nil
}

func (k Kind) known() bool { return k == Standard || k == Priority }

// Place sends an order to each queue that takes its kind, once. Declare has made them; if none takes it, the order is
// lost (02/5 mends that).
//   - Unknown kind: an error that names it, and nothing is sent.
//   - Something fails: the error wraps the cause. ch stays open: it is the caller's.
func Place(ctx context.Context, ch *amqp.Channel, o Order) error {
	if !o.Kind.known() {
		return fmt.Errorf("place %s: unknown kind %q", o.ID, o.Kind)
	}
	body, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encode %s: %w", o.ID, err)
	}
	message := amqp.Publishing{ContentType: "application/json", DeliveryMode: amqp.Persistent, Body: body}
	if err := ch.PublishWithContext(ctx, Exchange, string(o.Kind), false, false, message); err != nil {
		return fmt.Errorf("place %s: %w", o.ID, err)
	}
	return nil
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
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failures := make(chan error, len(handlers))
	var pickers sync.WaitGroup
	for queue, handle := range handlers {
		pickers.Go(func() {
			if err := work(ctx, conn, queue, handle); err != nil {
				failures <- fmt.Errorf("pick from queue %q: %w", queue, err)
				stop()
			}
		})
	}
	pickers.Wait()
	close(failures)
	return <-failures // the first one; nil if there is none
}

// work is Work for one queue, on a channel of its own.
func work(ctx context.Context, conn *amqp.Connection, queue string, handle Handler) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close() // what was sent and not answered goes back
	if err := ch.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit what is sent ahead: %w", err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume: %w", err)
	}

	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return errors.New("channel, connection or queue is gone")
			}
			if ctx.Err() != nil { // both cases were ready, and select took this one
				return nil
			}
			if err := pick(context.WithoutCancel(ctx), d, handle); err != nil {
				return fmt.Errorf("answer for an order: %w", err)
			}
		}
	}
}

// pick handles a delivery and answers for it.
func pick(ctx context.Context, d amqp.Delivery, handle Handler) error {
	var o Order
	if err := json.Unmarshal(d.Body, &o); err != nil {
		slog.Error("drop a message that is no order", "err", err)
		return d.Reject(false)
	}
	if err := handle(ctx, o); err != nil {
		slog.Error("give an order back", "order", o.ID, "err", err)
		return d.Nack(false, true)
	}
	return d.Ack(false)
}
