// Each tick looks into the dead letter queue: it takes all that is there, counts what it has not seen yet, and gives
// it all back.
//
// In production: each look is a delivery. RabbitMQ 4.0 to 4.2 gives a message up that came back to a quorum queue
// more than 20 times, and this queue has no dead letter exchange: 21 seconds after it died, the order is gone. While the
// monitor looks, no human can.
//
// want TestDeadLetterQueueIsUntouched: "redelivered=true"

package monitor

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Where the dead go.
const (
	Exchange = "shop.dead"
	Queue    = "shop.dead.letters" // the dead letter queue: look, don't touch
)

// A Death says why and in which queue messages died.
type Death struct {
	Reason string // rejected, expired, maxlen or delivery_limit
	Queue  string
}

// An Alert says that the dead letters of a kind have become many, or few again.
type Alert struct {
	Death Death
	Many  bool // false: few again
}

// A Monitor counts dead letters. Its fields are set before the first Watch and never changed.
type Monitor struct {
	Limit   int              // more than so many of the same Death …
	Window  time.Duration    // … within this time are many
	Backlog int              // how many may wait for Watch, 1 or more
	Now     func() time.Time // the time. time.Now in production
	Tick    <-chan time.Time // when to look at the time although nothing dies. time.Tick(time.Second) in production
	Alert   func(Alert)      // tells a human. It may take minutes

	seen map[string]bool // by MessageId and body
	many map[Death]bool

	mu     sync.Mutex // guards counts
	counts map[Death]int
}

// Watch looks into Queue each time Tick sends, until ctx ends.
func (m *Monitor) Watch(ctx context.Context, conn *amqp.Connection) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	if m.seen == nil {
		m.seen, m.many, m.counts = map[string]bool{}, map[Death]bool{}, map[Death]int{}
	}
	for {
		if err := m.look(ch); err != nil {
			return fmt.Errorf("look into %q: %w", Queue, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-m.Tick:
		}
	}
}

func (m *Monitor) look(ch *amqp.Channel) error {
	recent := make(map[Death]int)
	var last amqp.Delivery
	for {
		d, ok, err := ch.Get(Queue, false)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		last = d
		death, at := deathOf(d.Headers)
		if m.Now().Sub(at) < m.Window {
			recent[death]++
		}
		if key := d.MessageId + string(d.Body); !m.seen[key] {
			m.seen[key] = true
			m.mu.Lock()
			m.counts[death]++
			m.mu.Unlock()
		}
	}
	for d := range m.counts {
		if n := recent[d]; n > m.Limit && !m.many[d] || n <= m.Limit/2 && m.many[d] {
			m.many[d] = !m.many[d]
			m.Alert(Alert{Death: d, Many: m.many[d]})
		}
	}
	if last.Acknowledger == nil {
		return nil
	}
	return last.Nack(true, true) // all of them go back
}

// deathOf reads the newest death and when it was.
func deathOf(headers amqp.Table) (Death, time.Time) {
	deaths, _ := headers["x-death"].([]any)
	if len(deaths) == 0 {
		return Death{}, time.Time{}
	}
	newest, _ := deaths[0].(amqp.Table)
	reason, _ := newest["reason"].(string)
	queue, _ := newest["queue"].(string)
	at, _ := newest["time"].(time.Time)
	return Death{Reason: reason, Queue: queue}, at
}

// Counts returns how many messages have been counted for each Death since the Monitor was made. It may be called at any
// time, from any goroutine, and what it returns is the caller's.
func (m *Monitor) Counts() map[Death]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.counts)
}
