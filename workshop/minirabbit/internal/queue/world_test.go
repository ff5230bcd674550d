package queue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

var versions = []version.Version{version.V310, version.V40, version.V43}

// world is a queue with what its caller does: the time, the pump, and a note of everything that came out.
type world struct {
	*queue.Queue
	t    *testing.T
	now  time.Time
	held map[string]queue.ID // by body, of what was delivered last
	seen []string            // deliveries "A:1" and deaths "1 expired", in order
}

type table = map[string]wire.Value

func arguments(t table) wire.Table {
	var a wire.Table
	for name, v := range t {
		a = append(a, wire.Field{Name: name, Value: v})
	}
	return a
}

func newWorld(t *testing.T, v version.Version, kind queue.Kind, more table) *world {
	t.Helper()
	a := append(arguments(more), wire.Field{Name: "x-queue-type", Value: wire.String(kind.String())})
	s, err := queue.ParseArguments(v, "/", &wire.QueueDeclare{Queue: "q", Durable: true, Arguments: a})
	require.Nil(t, err)
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	return &world{Queue: queue.New(v, s, start), t: t, now: start, held: map[string]queue.ID{}}
}

func body(text string) *message.Message { return &message.Message{RoutingKey: "q", Body: []byte(text)} }

// publish publishes messages with these bodies, and returns + for each that was taken and - for others.
func (w *world) publish(bodies ...string) string {
	w.t.Helper()
	answers := ""
	for _, b := range bodies {
		answers += w.send(body(b))
	}
	return answers
}

func (w *world) send(m *message.Message) string {
	w.t.Helper()
	_, dead, refused := w.Publish(w.now, m, "publisher")
	w.bury(dead)
	w.pump()
	if refused {
		return "-"
	}
	return "+"
}

func (w *world) pump() {
	w.t.Helper()
	for {
		d, dead, ok := w.Next(w.now)
		w.bury(dead)
		if !ok {
			return
		}
		text := string(d.Message.Body)
		w.seen = append(w.seen, d.Consumer.Tag+":"+text)
		w.held[text] = d.ID
	}
}

func (w *world) bury(dead []queue.Dead) {
	for _, d := range dead {
		w.seen = append(w.seen, fmt.Sprintf("%s %s", d.Message.Body, d.Reason))
	}
}

// saw returns what happened since the last call.
func (w *world) saw() string {
	s := strings.Join(w.seen, ", ")
	w.seen = nil
	return s
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(d)
	w.pump()
}

// consume adds a consumer that gets everything at once, up to the prefetch.
func (w *world) consume(tag string, prefetch int, change ...func(*queue.Consumer)) *queue.Consumer {
	w.t.Helper()
	c := &queue.Consumer{Tag: tag, Prefetch: prefetch}
	for _, f := range change {
		f(c)
	}
	require.Nil(w.t, w.AddConsumer(w.now, c))
	w.pump()
	return c
}

func (w *world) ids(bodies []string) []queue.ID {
	w.t.Helper()
	var ids []queue.ID
	for _, b := range bodies {
		id, ok := w.held[b]
		require.True(w.t, ok, "%s was never delivered", b)
		ids = append(ids, id)
	}
	return ids
}

func (w *world) ack(bodies ...string) {
	w.t.Helper()
	w.Ack(w.now, w.ids(bodies)...)
	w.pump()
}

func (w *world) requeue(why queue.Return, bodies ...string) {
	w.t.Helper()
	w.bury(w.Requeue(w.now, why, w.ids(bodies)...))
	w.pump()
}

func (w *world) discard(bodies ...string) {
	w.t.Helper()
	w.bury(w.Discard(w.now, w.ids(bodies)...))
	w.pump()
}

func (w *world) cancel(c *queue.Consumer) {
	w.t.Helper()
	w.Cancel(w.now, c)
	w.pump()
}

func (w *world) leave(c *queue.Consumer, bodies ...string) {
	w.t.Helper()
	w.bury(w.Leave(w.now, []*queue.Consumer{c}, w.ids(bodies)))
	w.pump()
}

// get takes one with basic.get and keeps it; "-" says that there was none.
func (w *world) get() string {
	w.t.Helper()
	e, _, ok, err := w.Get(w.now, false)
	require.Nil(w.t, err)
	if !ok {
		return "-"
	}
	w.held[string(e.Message.Body)] = e.ID
	w.pump()
	return string(e.Message.Body)
}

// drain gets and acknowledges everything that is ready: "1 2' 3'2" for 1, 2 redelivered, and 3 redelivered with a count of 2.
func (w *world) drain() string {
	w.t.Helper()
	var all []string
	for w.Ready() > 0 {
		e, _, _, err := w.Get(w.now, true)
		require.Nil(w.t, err)
		text := string(e.Message.Body)
		if e.Redelivered {
			text += "'"
		}
		if n, ok := e.Message.Header("x-delivery-count"); ok && n != wire.Int64(0) {
			text += n.String()
		}
		all = append(all, text)
		w.pump()
	}
	return strings.Join(all, " ")
}

func expiring(text, milliseconds string) *message.Message {
	m := body(text)
	m.Properties.Expiration = &milliseconds
	return m
}

func numbers(from, to int) []string {
	var all []string
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

func each(t *testing.T, kinds []queue.Kind, f func(t *testing.T, v version.Version, k queue.Kind)) {
	for _, v := range versions {
		for _, k := range kinds {
			t.Run(v.String()+"/"+k.String(), func(t *testing.T) { f(t, v, k) })
		}
	}
}

var both = []queue.Kind{queue.Classic, queue.Quorum}
