package monitor_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/5-monitor"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

const (
	exchange = "shop.dead"
	dead     = "shop.dead.letters"

	limit   = 4 // more than so many within window are many
	window  = 10 * time.Minute
	backlog = 5

	deadline = 5 * time.Second

	read = "04-dlx/README.md#monitor"
)

// What dies in these queues dies at once: they have no room, or no time.
const (
	orders  = "order.commands"     // no room
	stock   = "inventory.commands" // no room
	baskets = "order.baskets"      // no time
)

var (
	ofOrders  = monitor.Death{Reason: "maxlen", Queue: orders}
	ofStock   = monitor.Death{Reason: "maxlen", Queue: stock}
	ofBaskets = monitor.Death{Reason: "expired", Queue: baskets}
)

// A stage is a shop with queues in which messages die, and a Monitor. Its time stands still unless a test says pass.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection
	m    *monitor.Monitor
	tick chan time.Time

	// Alert writes down what it is told. It waits if the test says hold.
	mu      sync.Mutex // guards what follows
	now     time.Time
	told    []monitor.Alert
	running int // Alerts that run now
	most    int // that ran at the same time
	held    chan struct{}
	during  func() // runs in each Alert
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	l := lab.New(t)
	s := &stage{lab: l, conn: l.Dial(), tick: make(chan time.Time)}
	s.now = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	s.m = &monitor.Monitor{Limit: limit, Window: window, Backlog: backlog, Now: s.time, Tick: s.tick, Alert: s.alert}
	t.Cleanup(s.release)

	ch := l.Channel()
	if err := ch.ExchangeDeclare(exchange, "topic", true, false, false, false, nil); err != nil {
		l.Failf("declare %s: %v", exchange, err)
	}
	l.Declare(dead, amqp.Table{"x-queue-type": "quorum"})
	s.bind(dead, "#", exchange)
	s.queue(orders, amqp.Table{"x-max-length": 0})
	s.queue(stock, amqp.Table{"x-max-length": 0})
	s.queue(baskets, amqp.Table{"x-message-ttl": 0})
	return s
}

// queue declares a queue that sends its dead to shop.dead, under the keys that they had.
func (s *stage) queue(name string, args amqp.Table) {
	all := amqp.Table{"x-dead-letter-exchange": exchange}
	for key, value := range args {
		all[key] = value
	}
	s.lab.Declare(name, all)
}

func (s *stage) bind(queue, key, exchange string) {
	if err := s.lab.Channel().QueueBind(queue, key, exchange, false, nil); err != nil {
		s.lab.Failf("bind %s to %s: %v", queue, exchange, err)
	}
}

// watch starts Watch on s.conn, and waits until it hears.
func (s *stage) watch() *lab.Call { return s.watchWith(s.m, s.conn) }

func (s *stage) watchWith(m *monitor.Monitor, conn *amqp.Connection) *lab.Call {
	start := s.lab.Note("Watch is called")
	call := s.lab.Go("Watch", func(ctx context.Context) error { return m.Watch(ctx, conn) })
	since := func(from tap.Side, method string) bool {
		return s.lab.Tap.Recording().Count(tap.Filter{From: from, Method: method, Where: func(e tap.Event) bool {
			return e.Seq > start.Seq
		}}) > 0
	}
	s.lab.Soon(func() bool {
		return !call.Running() || s.touches() != nil ||
			since(tap.Broker, "queue.bind-ok") && (since(tap.Broker, "basic.consume-ok") || since(tap.Client, "basic.get"))
	})
	if call.Running() {
		return call
	}
	err := call.Wait()
	s.lab.Fail(lab.Claim{
		Saw:  fmt.Sprintf("%s is there and RabbitMQ is well; Watch returned: %v", exchange, err),
		Want: "Watch goes on until ctx ends",
		Why:  "nobody watches, and nobody knows that nobody watches",
		Wire: s.story(),
		Read: read,
	})
	return nil
}

// touches returns what was done to the dead letter queue from the connections of Watch.
func (s *stage) touches() []tap.Event {
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
		switch m := e.Method.(type) {
		case *wire.BasicGet:
			return m.Queue == dead
		case *wire.BasicConsume:
			return m.Queue == dead
		}
		return false
	}})
}

// die lets n messages die in a queue, no more at a time than Watch's queue has room for, and waits until they are counted.
func (s *stage) die(call *lab.Call, d monitor.Death, n int) {
	was := s.counts()[d]
	for i := range n {
		if i > 0 && i%backlog == 0 {
			s.counted(call, d, was+i)
		}
		s.lab.Publish(d.Queue, fmt.Sprintf("order-%d", i+1))
	}
	s.counted(call, d, was+n)
}

// counted claims that the count of d comes to n.
func (s *stage) counted(call *lab.Call, d monitor.Death, n int) {
	s.lab.Soon(func() bool { return s.counts()[d] == n || !call.Running() || s.touches() != nil })
	counts := s.counts()
	claim := lab.Claim{
		Saw:  fmt.Sprintf("%d messages died as %+v; Counts: %+v", n, d, counts),
		Want: fmt.Sprintf("Counts says %d", n),
		Why:  "what isn't counted is never told: the shop loses orders, and its monitor says that all is well",
		Wire: s.story(),
		Read: read,
	}
	if !call.Running() {
		claim.Saw += fmt.Sprintf("; Watch returned: %v", call.Wait())
	}
	s.lab.Check(counts[d] == n, claim)
}

func (s *stage) counts() map[monitor.Death]int { return s.countsOf(s.m) }

// countsOf calls Counts, which hangs if somebody keeps its lock.
func (s *stage) countsOf(m *monitor.Monitor) map[monitor.Death]int {
	got := make(chan map[monitor.Death]int, 1)
	go func() { got <- m.Counts() }()
	select {
	case counts := <-got:
		return counts
	case <-time.After(s.lab.Patience(deadline)):
		s.lab.Fail(lab.Claim{
			Saw:  "Counts was called, and has not returned",
			Want: "Counts answers at any time, while Watch works and while an Alert runs",
			Why:  "the page that shows the counts hangs as long as the pager does",
			Wire: s.story(),
			Read: read,
		})
		return nil
	}
}

func (s *stage) time() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// pass puts the time forward, and lets Tick send. When the second tick is taken, the first has been dealt with.
func (s *stage) pass(call *lab.Call, d time.Duration) {
	s.forward(d)
	s.ticks(call, 2)
	s.lab.Settle()
}

// forward puts the time forward. Tick doesn't send.
func (s *stage) forward(d time.Duration) {
	s.lab.Settle() // what has been counted has been told
	s.lab.Note("%v pass", d)
	s.mu.Lock()
	s.now = s.now.Add(d)
	s.mu.Unlock()
}

// ticks lets Tick send n times.
func (s *stage) ticks(call *lab.Call, n int) {
	for range n {
		select {
		case s.tick <- s.time():
			continue
		case <-call.Done():
		case <-time.After(s.lab.Patience(deadline)):
		}
		s.lab.Fail(lab.Claim{
			Saw:  "Tick sends, and Watch doesn't take it",
			Want: "Watch looks at the time when Tick sends, though nothing dies",
			Why:  "what is over is never told as over: humans learn to ignore the alert",
			Wire: s.story(),
			Read: read,
		})
	}
}

func (s *stage) alert(a monitor.Alert) {
	s.lab.Note("Alert%+v begins", a)
	s.mu.Lock()
	s.told = append(s.told, a)
	s.running++
	s.most = max(s.most, s.running)
	held, during := s.held, s.during
	s.mu.Unlock()
	if during != nil {
		during()
	}
	if held != nil {
		<-held
	}
	s.mu.Lock()
	s.running--
	s.mu.Unlock()
	s.lab.Note("Alert%+v returns", a)
}

// hold makes Alerts wait for release.
func (s *stage) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = make(chan struct{})
}

func (s *stage) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held != nil {
		close(s.held)
		s.held = nil
	}
}

func (s *stage) alerts() []monitor.Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.told)
}

func many(d monitor.Death) monitor.Alert { return monitor.Alert{Death: d, Many: true} }
func few(d monitor.Death) monitor.Alert  { return monitor.Alert{Death: d} }

// tells claims that these alerts have been told since the test began, and no others before the last of them: alerts come
// in the order of what happened, so after one that was awaited nothing older comes.
func (s *stage) tells(what string, want ...monitor.Alert) {
	s.lab.Soon(func() bool { return len(s.alerts()) >= len(want) })
	s.lab.Settle()
	told := s.alerts()
	s.lab.Check(slices.Equal(told, want), lab.Claim{
		Saw:  fmt.Sprintf("%s; Alert was told: %s", what, list(told)),
		Want: list(want),
		Why:  "a pager that rings for each message is switched off, and one that stays silent was never needed",
		Wire: s.story(),
		Read: read,
	})
}

func list(alerts []monitor.Alert) string {
	if len(alerts) == 0 {
		return "nothing"
	}
	words := make([]string, len(alerts))
	for i, a := range alerts {
		size := "few"
		if a.Many {
			size = "many"
		}
		words[i] = fmt.Sprintf("%s %s in %s", size, a.Death.Reason, a.Death.Queue)
	}
	return strings.Join(words, " · ")
}

// story is the end of what the recording has of Watch's own doings and of alerts.
func (s *stage) story() string {
	events := s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "queue.bind", "basic.get", "basic.consume", "basic.deliver", "basic.cancel", "basic.nack", "channel.close",
			"disconnect", "note":
			return true
		}
		return false
	}})
	return s.lab.Wire(events[max(0, len(events)-8):]...)
}

// stopped stops Watch, and claims that it returns nil.
func (s *stage) stopped(call *lab.Call) {
	call.Stop()
	err := call.WaitOr(lab.Claim{
		Saw: "ctx ended, no Alert runs, and Watch has not returned", Want: "nil", Wire: s.story(), Read: read,
	})
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended, and Watch returned: %v", err),
		Want: "nil: stopping is no error",
		Why:  "each deployment is logged as a failure of the monitor",
		Wire: s.story(),
		Read: read,
	})
}
