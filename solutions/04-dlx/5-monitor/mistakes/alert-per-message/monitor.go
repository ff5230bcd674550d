// Whenever a message dies and more than Limit have died within Window, Alert is called.
//
// In production: a provider is down, 4,000 payments die, and the pager rings 4,000 times. The human switches it off,
// and misses the fire beside it.
//
// want TestManyDeathsAreOneAlert: "many maxlen in order.commands · many maxlen in order.commands"

package monitor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
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

	mu     sync.Mutex // guards what follows
	counts map[Death]int
	recent map[Death][]time.Time
	many   map[Death]bool
}

// Watch counts the messages that come to Exchange, and calls Alert, until ctx ends.
func (m *Monitor) Watch(ctx context.Context, conn *amqp.Connection) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	alerts := newOutbox(m.Alert)
	defer alerts.close()
	defer ch.Close()

	name := "monitor." + rand.Text()
	args := amqp.Table{"x-max-length": int64(m.Backlog), "x-overflow": "drop-head"}
	if _, err := ch.QueueDeclare(name, false, true, true, false, args); err != nil {
		return fmt.Errorf("declare %q: %w", name, err)
	}
	if err := ch.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit what %q sends ahead: %w", name, err)
	}
	deliveries, err := ch.ConsumeWithContext(ctx, name, "monitor", false, true, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", name, err)
	}
	if err := ch.QueueBind(name, "#", Exchange, false, nil); err != nil {
		return fmt.Errorf("bind %q: %w", name, err)
	}

	over := make(chan struct{})
	var ticks sync.WaitGroup
	defer ticks.Wait()
	defer close(over)
	ticks.Go(func() {
		for {
			select {
			case <-m.Tick:
				m.mu.Lock()
				alerts.add(m.judge(Death{})...)
				m.mu.Unlock()
			case <-over:
				return
			}
		}
	})
	for d := range deliveries {
		m.mu.Lock()
		death := deathOf(d.Headers)
		m.add(death)
		alerts.add(m.judge(death)...)
		m.mu.Unlock()
		if err := d.Ack(false); err != nil {
			return fmt.Errorf("ack: %w", err)
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return errors.New("the consumer of dead letters has ended")
}

// add and judge are called with the lock held.
func (m *Monitor) add(d Death) {
	if m.counts == nil {
		m.counts, m.recent, m.many = map[Death]int{}, map[Death][]time.Time{}, map[Death]bool{}
	}
	m.counts[d]++
	m.recent[d] = append(m.recent[d], m.Now())
}

func (m *Monitor) judge(newest Death) []Alert {
	now := m.Now()
	var alerts []Alert
	for d := range m.recent {
		m.recent[d] = slices.DeleteFunc(m.recent[d], func(t time.Time) bool { return now.Sub(t) >= m.Window })
		switch n := len(m.recent[d]); {
		case n > m.Limit && d == newest:
			m.many[d] = true
			alerts = append(alerts, Alert{d, true})
		case n <= m.Limit/2 && m.many[d]:
			m.many[d] = false
			alerts = append(alerts, Alert{d, false})
		}
	}
	return alerts
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

// Counts returns how many messages have been counted for each Death since the Monitor was made. It may be called at any
// time, from any goroutine, and what it returns is the caller's.
func (m *Monitor) Counts() map[Death]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.counts)
}

// An outbox tells alerts one after another, in a goroutine of its own.
type outbox struct {
	mu      sync.Mutex // guards what follows
	waiting []Alert

	more chan struct{}
	done chan struct{}
}

func newOutbox(tell func(Alert)) *outbox {
	o := &outbox{more: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(o.done)
		for range o.more {
			for {
				a, ok := o.next()
				if !ok {
					break
				}
				tell(a)
			}
		}
	}()
	return o
}

func (o *outbox) next() (Alert, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return Alert{}, false
	}
	a := o.waiting[0]
	o.waiting = o.waiting[1:]
	return a, true
}

func (o *outbox) add(alerts ...Alert) {
	o.mu.Lock()
	o.waiting = append(o.waiting, alerts...)
	o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// close returns when all has been told.
func (o *outbox) close() {
	close(o.more)
	<-o.done
}
