// Package quorum keeps the shop's orders on several nodes, and stores them although one of them dies. It sends what it is given
// and returns: a publisher that lives as long as its service is 03/5.
package quorum

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"
)

// DeliveryLimit is how often a message may come back undone.
const DeliveryLimit = 20

// A Message is what is to be stored.
type Message struct {
	ID   string // the message's id, for those who have to see that they got it twice
	Body []byte
}

// Declare makes queue as all queues of the shop are: durable, and with a copy on each node, up to RabbitMQ's usual number. A
// majority of the copies has what was confirmed, whichever node dies.
//   - A message that comes back more than DeliveryLimit times is taken out (and where to, 04 says). The queue says so itself:
//     RabbitMQ 3 has no limit, RabbitMQ 4 one of its own.
//   - Nothing else takes a message out: neither time nor length. What was confirmed waits for as long as it takes.
//   - It is declared with nothing that some RabbitMQ from 3.10 on refuses or ignores.
//   - What is there already stays as it is. Is it there with other properties, return an error that wraps RabbitMQ's
//     *amqp.Error (406).
func Declare(ch *amqp.Channel, queue string) error {
	// TODO(03/6): declare the queue, and look at its arguments twice.
	return notDone
}

// A Publisher stores messages by whichever node of a broker is there.
type Publisher struct {
	// URLs lead to the nodes of one broker, one to each. Any will do for any queue.
	URLs []string
	// Pause waits a little. It is called when all of URLs have failed, one after another, and nothing was confirmed meanwhile. It
	// returns nil: go round once more; or an error: give up.
	Pause func(ctx context.Context) error
}

// Publish stores msgs in queue.
//   - nil means: RabbitMQ has confirmed every one of msgs, and each is in queue.
//   - A node can't be reached, or is lost on the way: go on with the next of URLs, after the last with the first, and with what
//     is not confirmed. That keeps its id and its order. What is confirmed is not sent again,
//     also where something before it is not.
//   - RabbitMQ nacks a message: it is not stored, here and now. A queue that has lost its leader says so, until it has elected
//     another. Go on as after the loss of a node.
//   - Pause returns an error: return one that wraps it.
//   - There is no such queue, or name or password is wrong: return an error at once, and ask no other node: it would say the same.
//     For the user it wraps the *amqp.Error (403). That may be wrong: RabbitMQ just hangs up on a wrong password, so amqp091-go
//     calls each connection that breaks in its handshake a 403.
//   - ctx ends: return an error that wraps ctx's, and ask no other node; a connection that is being made may be waited for. Like
//     after any error, some of msgs may be stored.
//   - In queue they are in the order of msgs, but for second copies of what was stored and not confirmed, and for what was nacked.
//   - What Publish opens it closes, however it ends.
func (p Publisher) Publish(ctx context.Context, queue string, msgs []Message) error {
	// TODO(03/6): connect to a node, publish, wait for the confirms; and go on with the next node where one is lost.
	return notDone
}
