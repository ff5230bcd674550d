package vhost_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/clock"
	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/journal/record"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// twins are a host that crashes and goes on in its process, and one that is built anew from the journal each time. Whoever
// uses them sees no difference.
type twins struct {
	t       *rapid.T
	v       version.Version
	clock   *clock.Clock
	book    *book
	stays   *stage
	new     *stage
	actors  [2][2]*actor   // of each twin
	readers map[string]int // of quorum queues, the actor that consumes: what two of them lose at once comes back in any order
}

// twinQueues are the queues, each with a feature of its own. Dead letters go to d.
var twinQueues = []*wire.QueueDeclare{
	dying("c", "d", "x-max-length", wire.Int32(4)),
	dying("t", "d", "x-message-ttl", wire.Int32(1000)),
	dying("q", "d", "x-queue-type", wire.String("quorum"), "x-delivery-limit", wire.Int32(2)),
	durable("u", "x-queue-type", wire.String("quorum"), "x-delivery-limit", wire.Int32(1)),
	durable("s", "x-queue-type", wire.String("stream"), "x-max-length-bytes", wire.Int32(1000), "x-stream-max-segment-size-bytes", wire.Int32(400)),
	durable("d"),
}

func TestTheJournalRemembersWhatACrashLeaves(t *testing.T) {
	versions := []version.Version{version.V310, version.V40, version.V43}
	rapid.Check(t, func(rt *rapid.T) {
		w := &twins{t: rt, v: rapid.SampledFrom(versions).Draw(rt, "version"), book: &book{}}
		w.stays = newStage(rt, w.v)
		w.clock = w.stays.clock
		w.new = newStage(rt, w.v, withJournal(w.book), func(c *vhost.Config) { c.Clock = w.clock })
		w.connect()
		for _, q := range twinQueues {
			w.both(0, q)
		}
		for i := range rapid.IntRange(1, 60).Draw(rt, "operations") {
			w.step(i)
			w.compare()
		}
		w.crash()
		w.drain()
	})
}

func (w *twins) connect() {
	w.readers = make(map[string]int)
	for i, s := range []*stage{w.stays, w.new} {
		for j := range w.actors[i] {
			w.actors[i][j] = s.actor()
		}
	}
}

// both has actor j of both twins do the same.
func (w *twins) both(j int, methods ...wire.Method) {
	for i := range w.actors {
		a := w.actors[i][j]
		for _, m := range methods {
			if err := a.Handle(m); err != nil {
				a.said = append(a.said, err.Error())
				a.Channel = a.conn.OpenChannel(1, a, nil)
			}
		}
	}
}

func (w *twins) step(i int) {
	j := rapid.IntRange(0, 1).Draw(w.t, "actor")
	names := []string{"c", "t", "q", "q", "u", "u", "s"}
	name := rapid.SampledFrom(names).Draw(w.t, "queue")
	tag := rapid.Uint64Range(1, 5).Draw(w.t, "tag")
	multiple, requeue := rapid.Bool().Draw(w.t, "multiple"), rapid.IntRange(0, 3).Draw(w.t, "requeue") > 0
	switch rapid.SampledFrom([]string{"publish", "publish", "publish", "get", "get", "consume", "ack", "nack", "nack", "reject", "purge", "close", "pass", "crash"}).Draw(w.t, "kind") {
	case "publish":
		for _, twin := range w.actors {
			twin[j].publish(&wire.BasicPublish{RoutingKey: name}, persistent, fmt.Sprintf("%s%d", name, i))
		}
	case "get":
		if name == "q" || name == "u" {
			name = "d"
		}
		w.both(j, &wire.BasicGet{Queue: name})
	case "consume":
		if _, ok := w.readers[name]; ok {
			break
		}
		w.readers[name] = j
		w.both(j, &wire.BasicQos{PrefetchCount: 2}, &wire.BasicConsume{Queue: name, ConsumerTag: fmt.Sprint("consumer", i)})
	case "ack":
		w.both(j, &wire.BasicAck{DeliveryTag: tag, Multiple: multiple})
	case "nack":
		w.both(j, &wire.BasicNack{DeliveryTag: tag, Multiple: multiple, Requeue: requeue})
	case "reject":
		w.both(j, &wire.BasicReject{DeliveryTag: tag, Requeue: requeue})
	case "purge":
		w.both(j, &wire.QueuePurge{Queue: name})
	case "close":
		maps.DeleteFunc(w.readers, func(_ string, reader int) bool { return reader == j })
		w.actors[0][j].Close()
		w.actors[1][j].Close()
		w.actors[0][j].Channel = w.actors[0][j].conn.OpenChannel(1, w.actors[0][j], nil)
		w.actors[1][j].Channel = w.actors[1][j].conn.OpenChannel(1, w.actors[1][j], nil)
	case "pass":
		w.clock.Advance(time.Duration(rapid.IntRange(1, 4).Draw(w.t, "of a second")) * 300 * time.Millisecond)
	case "crash":
		w.crash()
		if requeue { // it was no end in good order
			w.stays.Doubt()
			w.new.Doubt()
		}
	}
}

func (w *twins) crash() {
	w.stays.Crash()
	w.new.Close(fault.Connection(fault.ConnectionForced, "killed")) // so that its timers write no more
	if rapid.Bool().Draw(w.t, "compacted") {
		w.book.events = compacted(w.t, w.book.events)
	}
	again := &stage{vhost.New(vhost.Config{Name: "/", Version: w.v, Clock: w.clock}), w.t, w.clock}
	for _, e := range w.book.events {
		require.NoError(w.t, again.Restore(&e))
	}
	require.NoError(w.t, again.UseJournal(w.book))
	w.new = again
	w.connect()
}

func (w *twins) compare() {
	for j := range w.actors[0] {
		require.Equal(w.t, w.actors[0][j].told(), w.actors[1][j].told())
	}
}

// drain looks at all that is left.
func (w *twins) drain() {
	for _, q := range twinQueues {
		if slices.Contains([]string{"s"}, q.Queue) {
			w.both(0, &wire.BasicQos{PrefetchCount: 1000}, &wire.BasicConsume{Queue: q.Queue, ConsumerTag: "all", Arguments: table("x-stream-offset", wire.String("first"))})
			continue
		}
		for range w.stays.depth(q.Queue) + 1 {
			w.both(0, &wire.BasicGet{Queue: q.Queue, NoAck: true})
		}
	}
	w.compare()
	require.Equal(w.t, headersOf(w.actors[0][0]), headersOf(w.actors[1][0]))
}

// aTime is when a message died, to the second: one twin may do it a second later.
var aTime = regexp.MustCompile(` time=\S+`)

func headersOf(a *actor) string {
	var all []string
	for _, m := range a.bodies {
		all = append(all, string(m.Body)+m.Properties.String())
	}
	return aTime.ReplaceAllString(strings.Join(all, "\n"), "")
}

// compacted are the events that are left when a journal is made shorter.
func compacted(t *rapid.T, events []vhost.Event) (left []vhost.Event) {
	var records [][]byte
	add := func(data []byte, err error) {
		require.NoError(t, err)
		records = append(records, data)
	}
	add(record.AppendRecord(nil, &broker.Record{Kind: broker.HostPut, Host: "/"}))
	for _, e := range events {
		if e.Kind == vhost.Stored {
			add(record.AppendMessage(nil, e.Message))
		}
		if data, err := record.AppendEvent(nil, &e); len(data) > 0 {
			add(data, err)
		}
	}
	fold, decoder := record.NewFold(), record.Decoder{}
	for n, data := range records {
		require.NoError(t, fold.Add(n, data))
	}
	for _, n := range slices.Compact(slices.Sorted(fold.Live())) {
		e, _, err := decoder.Decode(fold.Rewrite(n, records[n]))
		require.NoError(t, err)
		if e != nil {
			left = append(left, *e)
		}
	}
	return left
}
