// Package replay sends dead messages back to the queues in which they died, when what killed them is mended. It doesn't ask
// whether it is mended: its caller knows. It declares nothing: connection and queues are the caller's.
package replay

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Replays is the header that says how often a message was sent back: an integer, 1 the first time.
const Replays = "replays"

// The headers of 04/4 that matter here. It parks a copy of what failed too often, and a copy has not died: it has no x-death.
const (
	Queue   = "queue"   // where its handler failed, a string
	Attempt = "attempt" // how often it failed. What has used up all attempts is parked at the next failure
)

// A StuckError names the messages that can't go back. They are still in the dead letter queue.
type StuckError struct{ Messages []Stuck }

// A Stuck is a message that can't go back.
type Stuck struct {
	ID    string // its MessageId
	Queue string // where it died or failed; empty: it doesn't say
	Why   string // for a human
}

// Error names all of them.
func (e *StuckError) Error() string {
	return fmt.Sprintf("%d messages stay in the dead letter queue: %+v", len(e.Messages), e.Messages)
}

// Replay sends up to limit messages of the dead letter queue dlq back to the queues in which they died, the oldest first. It
// returns how many RabbitMQ has confirmed there.
//   - A message goes to the queue in which it died last, and to no other: x-death has the latest death first. Where x-death
//     names no queue, the header Queue does. Whoever else got it the first time doesn't get it again.
//   - It arrives with body, properties and headers as they were, and the header Replays. These stay behind: what RabbitMQ
//     wrote about its deaths and deliveries (x-death, x-first-death-…, x-last-death-…, x-delivery-count,
//     x-acquired-count), and the header Attempt, for it begins anew; the header CC, which sends copies to further queues;
//     and UserId, which RabbitMQ takes from that user only.
//   - It leaves dlq when RabbitMQ has confirmed that it is in its queue: not before, and not much later. Wherever the
//     process dies, no message is lost. One that was under way then may be in both queues, and come twice (05/5).
//   - A message that can't go back stays in dlq (it, and not a copy), and the others go on: neither header says where it died,
//     its queue is gone (whenever that happened), or RabbitMQ refuses it (nack). It doesn't count for limit, and is tried
//     once. In the end a *StuckError names all of them (errors.As).
//   - It ends when limit are moved, or when it has been through what dlq had at the beginning. What dies again meanwhile, and
//     comes back to dlq, stays there. What it doesn't get to, it doesn't take out: a quorum queue counts each time.
//   - nil, or a *StuckError: RabbitMQ has got all answers to dlq too.
//   - limit is below 1: an error, and nothing is moved. 0 is not "all".
//   - Connection or channel lost, no dlq: an error. ctx ends, or has ended: an error that wraps ctx's; no further message is
//     published, and what isn't confirmed stays in dlq. With an error too, the number is how many were confirmed.
//   - It has a channel of its own on conn, which is closed whenever Replay returns. conn stays open.
func Replay(ctx context.Context, conn *amqp.Connection, dlq string, limit int) (int, error) {
	// TODO(04/6): take out, publish, wait for the confirm, ack; and mind what can't go back, and how it ends.
	return 0, notDone
}
