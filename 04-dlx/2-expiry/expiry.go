// Package expiry lets unpaid baskets get late: first their customer is reminded, then they are given up. RabbitMQ keeps the
// time, so no process has to stay awake for it.
package expiry

import (
	"context"
	"errors"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The way of a basket that nobody pays. You choose what it waits in at first.
//
//	          ╭─────────╮  its limit  ╭─────────────────╮ Limits.Reminded ╭────────────────╮
//	Publish ─▶│  waits  ├────────────▶│ basket.reminded ├────────────────▶│ basket.expired │
//	          ╰─────────╯             ╰─────────────────╯                 ╰────────────────╯
const (
	Reminded = "basket.reminded"
	Expired  = "basket.expired"
)

// Limits say how long baskets wait. RabbitMQ counts in whole milliseconds: a part of one is left out.
type Limits struct {
	Unpaid   []time.Duration // those that Publish may be given: an hour as a rule, minutes while stocks last
	Reminded time.Duration   // how long a basket waits once more, when its customer has been reminded
}

// A Basket is what a customer wants to buy.
type Basket struct {
	ID    string `json:"id"`
	Items int    `json:"items"`
}

// Declare makes the queues Reminded and Expired, and whatever baskets wait in before, for each limit of l.Unpaid. Every
// service calls it when it starts.
//   - A basket that has waited for its limit is in Reminded. No earlier, however many wait; and no later either, whatever
//     limits the baskets have that were published before it.
//   - A basket that was in Reminded for l.Reminded and that nobody took is in Expired. There it stays.
//   - No basket is ever dropped: wherever the connection breaks in the middle of Declare, a basket that Publish can make
//     wait then, or that is put into Reminded, gets to Expired in the end.
//   - All of it is durable, and stays until somebody deletes it, whether it is used or not.
//   - What is there already stays as it is, with all that waits in it. Calling Declare again with more limits adds what
//     they need.
//   - A limit, of l.Unpaid or l.Reminded, is less than a millisecond: return an error, and declare nothing. Limits of
//     weeks are fine.
//   - Something is there with other properties: return an error that wraps RabbitMQ's *amqp.Error (406). Nothing is
//     deleted or emptied. RabbitMQ closes ch then; in all other cases it stays open.
//   - Channel or connection lost: return an error.
func Declare(ch *amqp.Channel, l Limits) error {
	// TODO(04/2): declare the queues, in an order that strands no basket.
	return notDone
}

// Publish lets b wait for limit. The message is b as JSON, with b's ID as its MessageId.
//   - nil means: RabbitMQ has acked it, and it waits. It goes its way even if this process ends now, and outlives a restart
//     of RabbitMQ.
//   - Declare was never given this limit: return an error. b waits nowhere then, and nothing new is declared.
//   - RabbitMQ refuses it, or the connection is lost before the answer: return an error.
//   - ctx ends before the answer: return an error that wraps ctx's. b may wait all the same.
//   - No channel is left open. conn is the caller's and stays open.
func Publish(ctx context.Context, conn *amqp.Connection, b Basket, limit time.Duration) error {
	// TODO(04/2): publish b to where it waits for limit; does anybody take it?
	return notDone
}

// ErrAlive says that a message has not died.
var ErrAlive = errors.New("no x-death: it has not died")

// A Cause says where a message died, and of what.
type Cause struct {
	Queue  string
	Reason string // "expired", "rejected", "maxlen", "delivery_limit"
	Count  int64  // how often, in this queue and for this reason
}

// A Death is the history of a dead message. One that was sent back, or that waited in several queues, died several times.
type Death struct {
	First Cause // what it died of to begin with
	Last  Cause // what brought it to where it is
	Total int64 // how often it died in all
}

// Explain reads a dead message's history from its headers, as RabbitMQ writes it: x-death is a list of tables, one for each
// queue and reason, the latest death first. https://www.rabbitmq.com/docs/dlx#effects
//   - A message that dies again in the same queue for the same reason gets no table more: the one it has moves to the
//     front and counts on. So where it died first is written apart, in x-first-death-queue and x-first-death-reason.
//     Where these are missing, or no table fits them both, First is the last table that isn't left out.
//   - Counts are int64. Of any other integer type that an amqp.Table can hold, signed or not, they are fine too.
//   - Headers are anybody's: a message may come with an x-death that a client made up. What is no table, has no text for
//     queue and reason, or no count above 0, is left out. Nothing makes Explain panic.
//   - No x-death: return an error that wraps ErrAlive. One of which nothing is left: an error that doesn't.
//   - The headers stay as they are.
func Explain(headers amqp.Table) (Death, error) {
	// TODO(04/2): read the list, then look which of its tables was the first.
	return Death{}, notDone
}
