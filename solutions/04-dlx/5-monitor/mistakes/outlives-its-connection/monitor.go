// The queue has a name that nobody else has, and is deleted when Watch returns. It is neither exclusive nor auto-delete.
//
// In production: the monitor is killed, or its network goes. Nobody is left to delete the queue, and nobody knows its
// name. Each of them stays, full, with a copy of each new dead letter written to it, and a few hundred deployments later
// somebody asks what all these queues are.
//
// want TestLossIsAnError: "is still there"

package monitor

import (
	"context"
	"crypto/rand"
	"fmt"
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

	mu    sync.Mutex
	kinds map[Death]*kind
}

// Watch counts the messages that come to Exchange, and calls Alert, until ctx ends.
func (m *Monitor) Watch(ctx context.Context, conn *amqp.Connection) error {
	admin, err := conn.Channel()
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := admin.ExchangeDeclarePassive(Exchange, "topic", true, false, false, false, nil); err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	name := "monitor." + rand.Text()
	if _, err := ch.QueueDeclare(name, false, false, false, false, amqp.Table{"x-max-length": m.Backlog}); err != nil {
		return err
	}
	defer admin.QueueDelete(name, false, false, false)
	if err := ch.QueueBind(name, "#", Exchange, false, nil); err != nil {
		return err
	}
	if err := ch.Qos(m.Backlog, 0, false); err != nil {
		return err
	}
	lost := ch.NotifyClose(make(chan *amqp.Error, 1))
	gone := ch.NotifyCancel(make(chan string, 1))
	in, err := ch.Consume(name, "watch", false, false, false, false, nil)
	if err != nil {
		return err
	}
	alerts := make(chan Alert)
	var result error
	go func() {
		var waiting []Alert
		defer func() {
			for _, a := range waiting {
				alerts <- a
			}
			close(alerts)
		}()
		for {
			var out chan Alert
			var next Alert
			if len(waiting) > 0 {
				out, next = alerts, waiting[0]
			}
			select {
			case out <- next:
				waiting = waiting[1:]
			case <-ctx.Done():
				ch.Close()
				return
			case e := <-lost:
				result = fmt.Errorf("monitor: channel closed: %v", e)
				return
			case n := <-gone:
				result = fmt.Errorf("monitor: queue %s is gone", n)
				ch.Close()
				return
			case <-m.Tick:
				waiting = append(waiting, m.slide()...)
			case d, ok := <-in:
				if !ok {
					in = nil
					continue
				}
				waiting = append(waiting, m.slide()...)
				waiting = append(waiting, m.came(newest(d))...)
				d.Ack(false)
			}
		}
	}()
	for a := range alerts {
		m.Alert(a)
	}
	return result
}

// Counts returns how many messages have been counted for each Death since the Monitor was made. It may be called at any
// time, from any goroutine, and what it returns is the caller's.
func (m *Monitor) Counts() map[Death]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := make(map[Death]int)
	for d, k := range m.kinds {
		c[d] = k.total
	}
	return c
}

// A kind is what is known of the dead letters with the same Death.
type kind struct {
	total int
	times []time.Time
	many  bool
}

// newest reads the newest death.
func newest(d amqp.Delivery) (k Death) {
	list, ok := d.Headers["x-death"].([]any)
	if !ok || len(list) == 0 {
		return
	}
	t, ok := list[0].(amqp.Table)
	if !ok {
		return
	}
	reason, ok := t["reason"].(string)
	if !ok {
		return
	}
	if queue, ok := t["queue"].(string); ok {
		k = Death{reason, queue}
	}
	return
}

// slide forgets what is out of the window, and returns what is over.
func (m *Monitor) slide() (out []Alert) {
	m.mu.Lock()
	defer m.mu.Unlock()
	edge := m.Now().Add(-m.Window)
	for d, k := range m.kinds {
		k.times = slices.DeleteFunc(k.times, func(t time.Time) bool { return !t.After(edge) })
		if k.many && len(k.times) <= m.Limit/2 {
			k.many = false
			out = append(out, Alert{Death: d})
		}
	}
	return out
}

// came counts one more, and returns whether that makes many.
func (m *Monitor) came(d Death) (out []Alert) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kinds == nil {
		m.kinds = make(map[Death]*kind)
	}
	k := m.kinds[d]
	if k == nil {
		k = new(kind)
		m.kinds[d] = k
	}
	k.total++
	k.times = append(k.times, m.Now())
	if !k.many && len(k.times) > m.Limit {
		k.many = true
		out = append(out, Alert{Death: d, Many: true})
	}
	return out
}
