// Package window publishes for many goroutines at once and tells each what became of its own message. It has up to a window
// of messages under way and never more. It doesn't connect again: that is 03/5.
package window

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Result is what became of a message.
type Result int

// The results. Only Unknown comes with an error.
const (
	Unknown  Result = iota // no answer came: RabbitMQ may have the message, or not
	Stored                 // acked: every queue that should have it has it
	Refused                // nacked: a queue that should have it did not take it; one that is full, for example
	Returned               // there is no queue for it: RabbitMQ sent it back
)

// String returns "stored", "refused", "returned" or "unknown".
func (r Result) String() string {
	switch r {
	case Stored:
		return "stored"
	case Refused:
		return "refused"
	case Returned:
		return "returned"
	}
	return "unknown"
}

// A Publisher publishes over one channel of its own. It may be used by many goroutines at once.
type Publisher struct {
	// TODO(03/3): the channel, the places of the window, and what RabbitMQ sent back.
}

// NewPublisher returns a publisher with at most window messages outstanding: sent, and not answered.
//   - window below 1: an error, and no channel is opened.
//   - It fails: an error, and no channel is left open. conn is the caller's and stays open.
func NewPublisher(conn *amqp.Connection, window int) (*Publisher, error) {
	// TODO(03/3): open a channel, ask for confirms, listen for returns.
	return nil, notDone
}

// Publish sends m with key to exchange, once, waits for RabbitMQ's answer to it, and returns what that was.
//   - There is an answer: Stored, Refused or Returned, and no error. It is the one to this very message, whatever others
//     are under way and in whichever order the answers come. Two with the same MessageId are two messages.
//   - There is none: Unknown, and an error that says why. An answer that came just before the channel was lost may count as
//     none.
//   - Calls don't wait for each other's answers while fewer than window messages are outstanding. Else a call waits for a
//     place before it sends. A message has its place until it is answered or the channel is gone, even if its caller has
//     left. What can't be sent (a header that AMQP doesn't know) is an error and keeps no place.
//   - ctx ends: the error wraps ctx's. If it had ended before, or the call was waiting for a place, nothing is sent, now or
//     later; if the call was waiting for the answer, RabbitMQ may have the message.
//   - Channel or connection lost: an error, at once, for all calls that wait, and for later ones.
//   - m goes out as it is, with its MessageId and its DeliveryMode; only a header may be added, and a MessageId where
//     there is none. What m points to stays as it is.
//   - A connection that takes no bytes may hold up Publish longer than ctx: 03/4 mends that.
func (p *Publisher) Publish(ctx context.Context, exchange, key string, m amqp.Publishing) (Result, error) {
	// TODO(03/3): wait for a place, publish, wait for the answer to this message, give the place back when it is there.
	return Unknown, notDone
}

// Close ends the publisher: calls that wait for a place, and later ones, return an error, and nothing of them is sent.
//   - It waits until every message that was sent is answered, also those whose callers have left. Then it closes the
//     channel and returns nil. If the channel is gone already, there is nothing to wait for.
//   - ctx ends first: it closes the channel, and returns an error that wraps ctx's. What is outstanding is Unknown.
//   - When it has returned, nothing of the publisher runs. conn is the caller's and stays open.
//   - Closing again does nothing and returns nil.
func (p *Publisher) Close(ctx context.Context) error {
	// TODO(03/3): let nobody in any more, wait for the answers that are still to come, close the channel.
	return notDone
}
