// Package partition splits the orders over n queues: n workers are busy at once, and the messages of one order still come one
// after another. It never changes n: that takes empty partitions, and nobody who publishes.
package partition

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Exchange chooses the partition of a key, always the same.
//
//	                 ╭────────────╮        ╭───────────────────╮
//	key "order-7" ──▶│  Exchange  ├────┬──▶│ order.partition.0 ├──▶ one process
//	                 ╰────────────╯    │   ╰───────────────────╯
//	                                   │   ╭───────────────────╮
//	                                   ╰──▶│ order.partition.1 ├──▶ one process, the same or another
//	                                       ╰───────────────────╯
const Exchange = "order.partitions"

// Queue returns the name of partition i. The first is 0.
func Queue(i int) string { return fmt.Sprintf("order.partition.%d", i) }

// Declare makes Exchange and n partitions.
//   - Exchange is of type x-consistent-hash (a plugin of RabbitMQ). Each partition is bound to it once, all with the same weight,
//     and nothing else is.
//   - A partition is a queue with a single active consumer (05/1). Nobody but its consumer takes a message out: no time, no length,
//     no count of how often it was given back (a quorum queue of RabbitMQ 4 has one, of 20, unless it says otherwise).
//   - All that Declare leaves behind outlives a restart of RabbitMQ, and the last consumer.
//   - Among other than n partitions, keys have other places, and newer messages overtake those that wait. If there are other
//     than n already: return an error, and change nothing. Whoever made them may be gone; RabbitMQ has to know.
//   - Two processes declare at once, with different n: not both get nil.
//   - Broken off anywhere: the same n again completes it. Another n is refused, or there are exactly so many then.
//   - Calling it again changes nothing. n below 1: return an error.
//   - It opens channels of its own on conn and closes them. conn stays open.
func Declare(conn *amqp.Connection, n int) error {
	if n < 1 {
		return fmt.Errorf("declare %d partitions: there must be one at least", n)
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	// First the number, in one step: a queue that never has a message says it, in an argument that RabbitMQ compares (406). It
	// compares none that it doesn't know, and of an exchange's only alternate-exchange.
	number := amqp.Table{"x-queue-type": "quorum", "x-max-length": n}
	if _, err := ch.QueueDeclare(Exchange+".number", true, false, false, false, number); err != nil {
		return fmt.Errorf("declare %d partitions: %w", n, err)
	}
	if err := ch.ExchangeDeclare(Exchange, "x-consistent-hash", true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %q: %w", Exchange, err)
	}
	for i := range n {
		_, err := ch.QueueDeclare(Queue(i), true, false, false, false, amqp.Table{
			"x-queue-type":             "quorum",
			"x-single-active-consumer": true,
			"x-delivery-limit":         math.MaxInt32,
		})
		if err != nil {
			return fmt.Errorf("declare queue %q: %w", Queue(i), err)
		}
		if err := ch.QueueBind(Queue(i), "1", Exchange, false, nil); err != nil { // the key is a weight here
			return fmt.Errorf("bind queue %q: %w", Queue(i), err)
		}
	}
	return nil
}

// Publish sends a message to the partition of its key. For a key there is one call at a time; other keys' calls don't wait for it.
//   - nil means: it is in a partition, and RabbitMQ has said so (confirm, mandatory). It is persistent; its routing key is key.
//   - All messages of a key are in the same partition, in the order of the calls.
//   - RabbitMQ refuses it, no partition takes it, or the connection is lost: return an error. ctx ends: return an error that wraps
//     ctx's; it doesn't wait for the confirm then.
//   - After an error it may be in its partition or not. But it never gets there later, behind a message of a later call.
//   - It closes the channels that it opens on conn. conn stays open.
func Publish(ctx context.Context, conn *amqp.Connection, key string, body []byte) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close() // when it is closed, what was sent on it is in its partition or nowhere
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	returns := ch.NotifyReturn(make(chan amqp.Return, 1)) // there is one message on this channel
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, Exchange, key, true, false,
		amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body})
	if err != nil {
		return fmt.Errorf("publish a message of %q: %w", key, err)
	}
	acked, err := confirmation.WaitContext(ctx)
	if err != nil {
		return fmt.Errorf("wait for the confirm of a message of %q: %w", key, err)
	}
	if !acked { // a nack, or the channel ended without an answer
		return fmt.Errorf("a message of %q was not confirmed", key)
	}
	select { // a return comes before the ack
	case _, returned := <-returns:
		if returned {
			return fmt.Errorf("there is no partition for %q", key)
		}
	default:
	}
	return nil
}

// Work handles the messages of all n partitions until ctx ends.
//   - Inside a partition one after another, in order: the next begins after handle has returned nil for the one before, and that
//     one is acked. The partitions go on side by side: one whose handle hangs holds up no other.
//   - RabbitMQ sends at most ten messages of a partition ahead of their acks.
//   - Several processes may Work at once. One of them handles a partition, the others stand by. When it stops or dies, one of those
//     goes on with what has no ack, in order. What was being handled at its death may be handled twice.
//   - ctx ends: begin nothing more. The running handles finish, with a context that goes on, and are acked. A partition is given
//     up as soon as its own handle has finished, not before (or another process begins beside it), and without waiting for the
//     other partitions. Then return nil.
//   - handle returns an error: its message has no ack, and comes first when somebody goes on. Nothing behind it begins. The other
//     partitions stop as if ctx had ended. Then return an error that wraps handle's, whether ctx has ended or not.
//   - Connection, channel or a partition is lost, or was never there: all stop like that. Then return an error. (The context of a
//     handle whose channel is lost may end at once, as in 05/1.)
//   - When it returns, nothing runs that it started, and the channels that it opened on conn are closed. conn stays open.
func Work(ctx context.Context, conn *amqp.Connection, n int, handle func(context.Context, amqp.Delivery) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if err := work(ctx, conn, Queue(i), handle); err != nil {
				errs[i] = fmt.Errorf("work on %q: %w", Queue(i), err)
				stop() // who is left alone with the other partitions never notices that one stands still
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// work handles one partition. Its channel is its own: to close it is to give the partition up, and what was sent ahead goes back
// to its place. A basic.cancel would let the next one begin while the handle still runs (05/1).
func work(ctx context.Context, conn *amqp.Connection, queue string, handle func(context.Context, amqp.Delivery) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	if err := ch.Qos(10, 0, false); err != nil {
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
			if ctx.Err() != nil { // with both cases ready, select may have taken this one
				return nil
			}
			if !ok {
				return errors.New("no more deliveries: connection, channel or queue is gone")
			}
			if err := handle(context.WithoutCancel(ctx), d); err != nil {
				return fmt.Errorf("handle a message of %q: %w", d.RoutingKey, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack a message of %q: %w", d.RoutingKey, err)
			}
		}
	}
}
