// Package partition splits the orders over n queues: n workers are busy at once, and the messages of one order still come one
// after another. It never changes n: that takes empty partitions, and nobody who publishes.
package partition

import (
	"context"
	"fmt"

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
	// TODO(05/2): make the exchange and n partitions, unless there are more or fewer.
	return notDone
}

// Publish sends a message to the partition of its key. For a key there is one call at a time; other keys' calls don't wait for it.
//   - nil means: it is in a partition, and RabbitMQ has said so (confirm, mandatory). It is persistent; its routing key is key.
//   - All messages of a key are in the same partition, in the order of the calls.
//   - RabbitMQ refuses it, no partition takes it, or the connection is lost: return an error. ctx ends: return an error that wraps
//     ctx's; it doesn't wait for the confirm then.
//   - After an error it may be in its partition or not. But it never gets there later, behind a message of a later call.
//   - It closes the channels that it opens on conn. conn stays open.
func Publish(ctx context.Context, conn *amqp.Connection, key string, body []byte) error {
	// TODO(05/2): send it to the partition of its key, and be sure of it.
	return notDone
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
	// TODO(05/2): handle the partitions side by side, each in its order.
	return notDone
}
