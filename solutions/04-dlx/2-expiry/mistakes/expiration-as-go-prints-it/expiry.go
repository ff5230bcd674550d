// Each limit has a queue, and the message says how long: "5m0s", as Go prints a duration. RabbitMQ takes milliseconds,
// as text.
//
// In production: Publish itself returns nil for it; RabbitMQ closes the channel a moment later (406). Here the confirm
// finds out, and no basket can be filled at all; without a confirm nobody would.
//
// want TestLateBasketsAreReminded: "was published with a limit of"

package expiry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The way of a basket that nobody pays.
const (
	Reminded = "basket.reminded"
	Expired  = "basket.expired"
)

// Limits say how long baskets wait.
type Limits struct {
	Unpaid   []time.Duration // those that Publish may be given
	Reminded time.Duration   // how long a basket waits once more, when its customer has been reminded
}

// A Basket is what a customer wants to buy.
type Basket struct {
	ID    string `json:"id"`
	Items int    `json:"items"`
}

// Declare makes the queues Reminded and Expired, and whatever baskets wait in before.
func Declare(ch *amqp.Channel, l Limits) error {
	for _, limit := range append([]time.Duration{l.Reminded}, l.Unpaid...) {
		if limit < time.Millisecond {
			return fmt.Errorf("a limit of %v is too short", limit)
		}
	}
	if err := declare(ch, Expired, nil); err != nil {
		return err
	}
	if err := declare(ch, Reminded, expiring(l.Reminded, Expired)); err != nil {
		return err
	}
	for _, limit := range l.Unpaid {
		if err := declare(ch, waiting(limit), leading(Reminded)); err != nil {
			return err
		}
	}
	return nil
}

func declare(ch *amqp.Channel, queue string, args amqp.Table) error {
	if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	return nil
}

func expiring(after time.Duration, to string) amqp.Table {
	return amqp.Table{
		"x-message-ttl":             after.Milliseconds(),
		"x-dead-letter-exchange":    "",
		"x-dead-letter-routing-key": to,
	}
}

func waiting(limit time.Duration) string { return "basket.unpaid." + limit.String() }

// leading is for messages that say themselves how long they live.
func leading(to string) amqp.Table {
	return amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": to}
}

// Publish lets b wait for limit.
func Publish(ctx context.Context, conn *amqp.Connection, b Basket, limit time.Duration) error {
	body, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encode basket %s: %w", b.ID, err)
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", waiting(limit), true, false, amqp.Publishing{
		ContentType:  "application/json",
		DeliveryMode: amqp.Persistent,
		MessageId:    b.ID,
		Expiration:   limit.String(),
		Body:         body,
	})
	if err != nil {
		return fmt.Errorf("publish basket %s: %w", b.ID, err)
	}
	acked, err := confirmation.WaitContext(ctx)
	if err != nil {
		return fmt.Errorf("wait for the confirm of basket %s: %w", b.ID, err)
	}
	select {
	case _, returned := <-returns:
		if returned {
			return fmt.Errorf("publish basket %s: nothing is declared for a limit of %v", b.ID, limit)
		}
	default:
	}
	if !acked {
		return fmt.Errorf("publish basket %s: not confirmed", b.ID)
	}
	return nil
}

// ErrAlive says that a message has not died.
var ErrAlive = errors.New("no x-death: it has not died")

// A Cause says where a message died, and of what.
type Cause struct {
	Queue  string
	Reason string // "expired", "rejected", "maxlen", "delivery_limit"
	Count  int64  // how often, in this queue and for this reason
}

// A Death is the history of a dead message.
type Death struct {
	First Cause // what it died of to begin with
	Last  Cause // what brought it to where it is
	Total int64 // how often it died in all
}

// Explain reads a dead message's history from its headers.
func Explain(headers amqp.Table) (Death, error) {
	written, ok := headers["x-death"]
	if !ok {
		return Death{}, ErrAlive
	}
	list, _ := written.([]any)
	var causes []Cause
	var d Death
	for _, entry := range list {
		if c, ok := cause(entry); ok {
			causes = append(causes, c)
			d.Total += c.Count
		}
	}
	if len(causes) == 0 {
		return Death{}, fmt.Errorf("x-death says nothing: %v", written)
	}
	d.Last, d.First = causes[0], causes[len(causes)-1]
	for _, c := range causes {
		if c.Queue == headers["x-first-death-queue"] && c.Reason == headers["x-first-death-reason"] {
			d.First = c
		}
	}
	return d, nil
}

func cause(entry any) (c Cause, ok bool) {
	table, _ := entry.(amqp.Table)
	queue, hasQueue := table["queue"].(string)
	reason, hasReason := table["reason"].(string)
	count := integer(table["count"])
	return Cause{queue, reason, count}, hasQueue && hasReason && count > 0
}

func integer(v any) int64 {
	switch n := reflect.ValueOf(v); {
	case n.CanInt():
		return n.Int()
	case n.CanUint():
		return int64(n.Uint())
	}
	return 0
}
