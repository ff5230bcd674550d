// Stopped, Watch waits until all has been told. After a loss it doesn't: the caller shall connect again at once, and what
// waits is told meanwhile.
//
// In production: main gets the error and exits, as main does, and systemd starts it again. The call to the pager is
// broken off, and nobody is told what went wrong before the broker did.
//
// want TestLossTellsTheRest: "while an Alert ran, and Watch has returned"

package monitor

import (
	"context"
	"errors"
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

	mu     sync.Mutex
	counts map[Death]int
	recent map[Death][]time.Time
	many   map[Death]bool
}

// Watch counts the messages that come to Exchange, and calls Alert, until ctx ends.
func (m *Monitor) Watch(ctx context.Context, conn *amqp.Connection) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(m.Backlog, 0, false); err != nil {
		return err
	}
	q, err := ch.QueueDeclare("", false, true, true, false, amqp.Table{"x-max-length": int64(m.Backlog), "x-overflow": "drop-head"})
	if err != nil {
		return err
	}
	in, err := ch.Consume(q.Name, "", false, true, false, false, nil)
	if err != nil {
		return err
	}
	if err := ch.QueueBind(q.Name, "#", Exchange, false, nil); err != nil {
		return err
	}
	t := &teller{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go t.run(m.Alert)
	defer func() {
		ch.Close()
		t.stop()
		if ctx.Err() != nil {
			<-t.done
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.Tick:
			t.add(m.look(m.Now()))
		case d, ok := <-in:
			if !ok {
				if ctx.Err() != nil {
					return nil
				}
				return errors.New("monitor: consumer lost")
			}
			t.add(m.count(deathOf(d.Headers), m.Now()))
			if err := d.Ack(false); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
		}
	}
}

// Counts returns how many messages have been counted for each Death since the Monitor was made. It may be called at any
// time, from any goroutine, and what it returns is the caller's.
func (m *Monitor) Counts() map[Death]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.counts)
}

// deathOf reads the newest death.
func deathOf(h amqp.Table) Death {
	l, _ := h["x-death"].([]any)
	if len(l) == 0 {
		return Death{}
	}
	e, _ := l[0].(amqp.Table)
	r, ok1 := e["reason"].(string)
	q, ok2 := e["queue"].(string)
	if !ok1 || !ok2 {
		return Death{}
	}
	return Death{r, q}
}

// count counts one more, and returns what has changed. Only Watch uses recent and many.
func (m *Monitor) count(d Death, now time.Time) []Alert {
	m.mu.Lock()
	if m.counts == nil {
		m.counts, m.recent, m.many = map[Death]int{}, map[Death][]time.Time{}, map[Death]bool{}
	}
	m.counts[d]++
	m.mu.Unlock()
	m.recent[d] = append(m.recent[d], now)
	return m.look(now)
}

// look forgets what is out of the window, and returns what has changed.
func (m *Monitor) look(now time.Time) []Alert {
	var out []Alert
	for d, ts := range m.recent {
		for len(ts) > 0 && now.Sub(ts[0]) >= m.Window {
			ts = ts[1:]
		}
		m.recent[d] = ts
		switch {
		case !m.many[d] && len(ts) > m.Limit:
			m.many[d] = true
			out = append(out, Alert{d, true})
		case m.many[d] && len(ts) <= m.Limit/2:
			m.many[d] = false
			out = append(out, Alert{d, false})
		}
	}
	return out
}

// A teller calls Alert for all that is on its list, one after another, until it is stopped and the list is empty.
type teller struct {
	mu   sync.Mutex
	list []Alert
	end  bool
	wake chan struct{}
	done chan struct{}
}

func (t *teller) add(a []Alert) {
	t.mu.Lock()
	t.list = append(t.list, a...)
	t.mu.Unlock()
	t.poke()
}

func (t *teller) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *teller) stop() {
	t.mu.Lock()
	t.end = true
	t.mu.Unlock()
	t.poke()
}

func (t *teller) run(tell func(Alert)) {
	defer close(t.done)
	for {
		t.mu.Lock()
		if len(t.list) == 0 {
			end := t.end
			t.mu.Unlock()
			if end {
				return
			}
			<-t.wake
			continue
		}
		a := t.list[0]
		t.list = t.list[1:]
		t.mu.Unlock()
		tell(a)
	}
}
