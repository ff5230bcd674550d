// Package monitor counts the shop's dead letters while they come, and tells a human when they become many. It mends none
// of them: they wait in the dead letter queue, for humans and for 04/6.
package monitor

import (
	"context"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Where the dead go. Both are there already. Watch hears from a queue of its own, beside the one that matters:
//
//	                       ╭───────────╮  #   ╭───────────────────╮
//	rejected, expired, … ─▶│ shop.dead ├──┬──▶│ shop.dead.letters │  for humans
//	                       ╰── topic ──╯  │   ╰───────────────────╯
//	                                      │   ╭───────────────────╮
//	                                      └──▶│ Watch's own       ├─▶ Watch ─▶ Counts, Alert
//	                                          ╰─ short, it goes ──╯
const (
	Exchange = "shop.dead"
	Queue    = "shop.dead.letters" // the dead letter queue: look, don't touch
)

// A Death says why and in which queue messages died. It is the newest entry of x-death, which stands first there
// (rabbitmq.com/docs/dlx#effects).
type Death struct {
	Reason string // rejected, expired, maxlen or delivery_limit
	Queue  string
}

// An Alert says that the dead letters of a kind have become many, or few again.
type Alert struct {
	Death Death
	Many  bool // false: few again
}

// A Monitor counts dead letters, by one Watch at a time. Its fields are set before the first Watch and never changed.
type Monitor struct {
	Limit   int              // more than so many of the same Death …
	Window  time.Duration    // … within this time are many
	Backlog int              // how many may wait for Watch, 1 or more
	Now     func() time.Time // the time. time.Now in production
	Tick    <-chan time.Time // when to look at the time although nothing dies. time.Tick(time.Second) in production
	Alert   func(Alert)      // tells a human. It may take minutes

	// TODO(04/5): what you count and what was told goes here.
}

// Watch counts the messages that come to Exchange, and calls Alert, until ctx ends.
//   - A message counts for its Death, at the time Now when it comes. Without an x-death that can be read it wasn't RabbitMQ
//     that sent it here: it counts for Death{}.
//   - The dead letter queue is not touched, not even by get and requeue: each such look is a delivery, and RabbitMQ counts those.
//   - Watch has a queue of its own: no other Watch, here or in another process, takes from it. It goes when Watch returns,
//     also with an error, and when its connection does.
//   - If Watch hangs, at most Backlog messages wait in its queue: newer ones push out the oldest, and none is refused. At most
//     Backlog more are sent and not acked.
//   - Alert says Many once when more than Limit of a Death came within Window; what came exactly Window ago is out. Once no
//     more than Limit/2 are left it says that, at the next Tick or before. Then Many may come again.
//   - Alerts are called one at a time, in the order of what happened, and none is left out. While one runs, Watch goes on
//     counting. An Alert may call Counts.
//   - ctx ends: return nil. Exchange not there; connection, channel or queue lost, whoever closed it: return an error. Both
//     only when all alerts have been told and the channel is closed. conn is the caller's and stays open.
//   - After an error the caller connects and calls Watch again, perhaps before RabbitMQ knows that the old connection is
//     dead. What was counted and told stands. (What dies in between isn't counted.)
func (m *Monitor) Watch(ctx context.Context, conn *amqp.Connection) error {
	// TODO(04/5): a queue of your own, each message counted, each change told, and mind how it ends.
	return notDone
}

// Counts returns how many messages have been counted for each Death since the Monitor was made. It may be called at any
// time, from any goroutine, and what it returns is the caller's.
func (m *Monitor) Counts() map[Death]int {
	// TODO(04/5): a copy, for Watch goes on counting.
	return nil
}
