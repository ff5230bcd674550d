// The handlers run beside the loop, and the loop waits for the handler or for the end of the channel. When ctx ends it waits
// for the handler; when the queue is gone it returns at once.
//
// In production: the queue is deleted while an order is picked. Work returns, its caller calls it again, and the picker, who
// still has the last order, is given another.
//
// want TestLossWaitsForItsOwnHandler: "Work returned while the handler of warehouse.express"

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

// Declare makes queue and binds it, so that orders of these kinds come into it from now on.
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

// Place sends an order to each queue that takes its kind.
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

	gone := ch.NotifyCancel(make(chan string, 1))
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
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
			picked := make(chan error, 1)
			go func() { picked <- pick(context.WithoutCancel(ctx), d, handle) }()
			select {
			case err := <-picked:
				if err != nil {
					return fmt.Errorf("answer for an order: %w", err)
				}
			case <-gone:
				return errors.New("queue is gone")
			case err := <-closed:
				return fmt.Errorf("channel is closed: %w", err)
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
