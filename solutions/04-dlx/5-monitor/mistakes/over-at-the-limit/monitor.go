// As soon as no more than Limit are left within Window, it is over.
//
// In production: five payments die in ten minutes, all day long. With each that comes it is many, with each that goes
// it is over: two alerts for every message.
//
// want TestAlertIsOverWhenHalfAreLeft: "many maxlen in order.commands · few maxlen in order.commands"

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

// A Monitor counts dead letters. Its fields are set before the first Watch and never changed.
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
		if n := len(k.came); !k.many && n > m.Limit || k.many && n <= m.Limit {
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
