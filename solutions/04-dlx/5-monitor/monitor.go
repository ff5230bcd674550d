// Package monitor counts the shop's dead letters while they come, and tells a human when they become many. It mends none
// of them: they wait in the dead letter queue, for humans and for 04/6.
package monitor

import (
	"context"
	"fmt"
	"maps"
	"sync"
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

	kinds map[Death]*kind // only the Watch that runs uses it

	mu     sync.Mutex // guards counts
	counts map[Death]int
}

// A kind is what Watch remembers of the dead letters with the same Death.
type kind struct {
	came []time.Time // when the newest came, oldest first: no more than Limit+1, and only those within Window
	many bool        // and so it was told
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
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	alerts := make(chan Alert)
	told := make(chan struct{})
	go func() {
		defer close(told)
		for a := range alerts {
			m.Alert(a)
		}
	}()
	var waiting []Alert // for the Alert that runs
	defer func() {
		ch.Close() // first: the queue goes with its consumer
		for _, a := range waiting {
			alerts <- a
		}
		close(alerts)
		<-told
	}()

	dead, err := m.subscribe(ch)
	if err != nil {
		return err
	}
	for {
		var next Alert
		var free chan<- Alert // nil: nothing can be sent
		if len(waiting) > 0 {
			next, free = waiting[0], alerts
		}
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-dead:
			if !ok {
				return fmt.Errorf("watch %q: channel, connection or queue is gone", Exchange)
			}
			m.count(deathOf(d.Headers))
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack a dead letter: %w", err)
			}
		case <-m.Tick:
		case free <- next:
			waiting = waiting[1:]
		}
		waiting = append(waiting, m.look()...)
	}
}

// subscribe makes a queue that goes with its only consumer, and consumes it. RabbitMQ gives it a name of its own.
func (m *Monitor) subscribe(ch *amqp.Channel) (<-chan amqp.Delivery, error) {
	const durable, autoDelete, exclusive, noWait = false, true, true, false
	limit := amqp.Table{"x-max-length": m.Backlog}
	q, err := ch.QueueDeclare("", durable, autoDelete, exclusive, noWait, limit)
	if err != nil {
		return nil, fmt.Errorf("declare a queue: %w", err)
	}
	// Without acks there would be no limit: all of the queue would wait here instead.
	if err := ch.Qos(m.Backlog, 0, false); err != nil {
		return nil, fmt.Errorf("limit what is sent ahead: %w", err)
	}
	dead, err := ch.Consume(q.Name, "", false, exclusive, false, noWait, nil)
	if err != nil {
		return nil, fmt.Errorf("consume a queue: %w", err)
	}
	// Last: auto-delete waits for a first consumer, and this fails if there is no exchange.
	if err := ch.QueueBind(q.Name, "#", Exchange, noWait, nil); err != nil {
		return nil, fmt.Errorf("bind a queue to %q: %w", Exchange, err)
	}
	return dead, nil
}

// deathOf reads the newest death. Of a type assertion that fails, the zero value is what is wanted.
func deathOf(headers amqp.Table) Death {
	deaths, _ := headers["x-death"].([]any)
	if len(deaths) == 0 {
		return Death{}
	}
	newest, _ := deaths[0].(amqp.Table)
	reason, _ := newest["reason"].(string)
	queue, _ := newest["queue"].(string)
	return Death{Reason: reason, Queue: queue}
}

func (m *Monitor) count(d Death) {
	m.mu.Lock()
	if m.counts == nil {
		m.counts, m.kinds = make(map[Death]int), make(map[Death]*kind)
	}
	m.counts[d]++
	m.mu.Unlock()

	k := m.kinds[d]
	if k == nil {
		k = &kind{}
		m.kinds[d] = k
	}
	k.came = append(k.came, m.Now())
	k.came = k.came[max(0, len(k.came)-m.Limit-1):] // a flood needs no more to be one
}

// look forgets what is out of the window, and returns what has changed.
func (m *Monitor) look() []Alert {
	var changed []Alert
	start := m.Now().Add(-m.Window)
	for d, k := range m.kinds {
		for len(k.came) > 0 && !k.came[0].After(start) {
			k.came = k.came[1:]
		}
		if n := len(k.came); !k.many && n > m.Limit || k.many && n <= m.Limit/2 {
			k.many = !k.many
			changed = append(changed, Alert{Death: d, Many: k.many})
		}
	}
	return changed
}

// Counts returns how many messages have been counted for each Death since the Monitor was made. It may be called at any
// time, from any goroutine, and what it returns is the caller's.
func (m *Monitor) Counts() map[Death]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.counts)
}
