// Package topic lets each service of the shop hear of the events it asked for. An event has a name of several parts, such
// as user.purchase.refunded, and goes through a topic exchange. The package does not consume, and does not find out whether
// RabbitMQ has an event: that is 01/3.
package topic

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Exchange is where all events of the shop go: a durable exchange of type topic, not auto-delete.
const Exchange = "shop.events"

// An Event is something that has happened.
type Event struct {
	Parts []string // its name, the general first: user, purchase, refunded
	Body  []byte
}

// An Interest says which events somebody wants to hear of.
type Interest struct {
	// Parts are compared with those of the event, one by one. "*" stands for any part, but for one.
	Parts []string
	// Deeper wants the events whose names go on after Parts, too. Without Parts, these are all.
	Deeper bool
}

// A Listener is a service that wants to hear of events.
type Listener struct {
	Name  string // each name has a queue of its own: Mailer is not mailer
	Hears []Interest
}

// Declare makes the queue in which events wait for l, and returns its name. It brings l the events that fit any of its
// interests, and no others.
//   - Exchange is made if it isn't there. So is the queue: durable, neither exclusive nor auto-delete, and without any limit of
//     number, size or age. Events gather in it while nobody is there to listen.
//   - Declare again with the same Name, on any connection: the same queue, with what waits in it. RabbitMQ keeps a binding
//     until somebody unbinds it, so l still hears what it asked for earlier. Declare only adds.
//   - An event that fits several interests comes once.
//   - It has returned nil: each fitting event that is published from now on comes.
//   - Refused, with an error before anything is said to RabbitMQ: a Name that is empty; no interests; an interest with
//     neither Parts nor Deeper; a part that is empty or has a `.`, `*` or `#` in it (but "*" alone is fine); a binding key, or
//     a name of the queue, over 255 bytes.
//   - RabbitMQ says no, or is gone: the error says at which step, and wraps the cause.
//   - ch stays open: it is the caller's. So is l: nothing in it is changed.
func Declare(ch *amqp.Channel, l Listener) (queue string, err error) {
	// TODO(02/3): declare exchange and queue, and bind the queue once for each interest.
	return "", notDone
}

// Publish sends e to all who want to hear of it.
//   - Its routing key is its parts with dots between them. Its body arrives unchanged.
//   - Exchange is made if it isn't there, at each call. An event that nobody wants to hear of is no error.
//   - Refused, with an error before anything is said to RabbitMQ: no parts; a part that is empty or has a `.`, `*` or `#`
//     in it; a routing key over 255 bytes, which AMQP can't carry. Everything else is text like any other: "größe", "5 %".
//   - ctx has ended: its error is returned, and e is not sent.
//   - RabbitMQ says no, or is gone: the error says at which step, and wraps the cause.
//   - ch stays open, also after a refusal. e is the caller's: nothing in it is changed.
func Publish(ctx context.Context, ch *amqp.Channel, e Event) error {
	// TODO(02/3): make the routing key, and publish.
	return notDone
}
