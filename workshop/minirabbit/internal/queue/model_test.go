package queue_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// model is a queue and what must be true of it, kept in the plainest way: where each message is.
type model struct {
	t         *rapid.T
	q         *queue.Queue
	kind      queue.Kind
	single    bool
	now       time.Time
	ready     map[queue.ID]bool
	held      map[queue.ID]*queue.Consumer // nil: by basic.get
	back      map[queue.ID]bool            // came back at least once
	consumers []*queue.Consumer
	freshest  queue.ID // of what was delivered for the first time
	tag       int
}

func (m *model) pick(from []queue.ID, label string) []queue.ID {
	if len(from) == 0 {
		m.t.Skip("nothing to " + label)
	}
	slices.Sort(from)
	n := rapid.IntRange(1, min(4, len(from))).Draw(m.t, label)
	return rapid.Permutation(from).Draw(m.t, label+" which")[:n]
}

func keys[V any](m map[queue.ID]V) []queue.ID {
	var all []queue.ID
	for id := range m {
		all = append(all, id)
	}
	return all
}

func (m *model) die(dead []queue.Dead) {
	for _, d := range dead {
		_, held := m.held[d.ID]
		require.True(m.t, m.ready[d.ID] || held, "%d died twice, or was never there", d.ID)
		delete(m.ready, d.ID)
		delete(m.held, d.ID)
	}
}

// take notes that a message was delivered to c.
func (m *model) take(e queue.Entry, c *queue.Consumer, noAck bool) {
	require.True(m.t, m.ready[e.ID], "%d was delivered but wasn't ready", e.ID)
	require.Equal(m.t, m.back[e.ID], e.Redelivered, "redelivered says whether it came back")
	if m.kind == queue.Classic {
		require.Equal(m.t, slices.Min(keys(m.ready)), e.ID, "the oldest comes first")
	}
	if !m.back[e.ID] {
		require.Greater(m.t, e.ID, m.freshest, "new messages keep their order")
		m.freshest = e.ID
	}
	delete(m.ready, e.ID)
	if !noAck {
		m.held[e.ID] = c
	}
}

func (m *model) pump() {
	for {
		d, dead, ok := m.q.Next(m.now)
		m.die(dead)
		if !ok {
			break
		}
		require.Contains(m.t, m.consumers, d.Consumer, "it consumes")
		require.True(m.t, d.Consumer.Active())
		m.take(d.Entry, d.Consumer, d.Consumer.NoAck)
	}
	_, dead, ok := m.q.Next(m.now)
	require.False(m.t, ok, "nothing to do is nothing to do")
	require.Empty(m.t, dead)
}

func (m *model) check(t *rapid.T) {
	m.t = t
	require.Equal(t, len(m.ready), m.q.Ready())
	require.Equal(t, len(m.held), m.q.Unacked())
	ready, unacked := m.q.Bytes()
	require.Equal(t, []int64{3 * int64(len(m.ready)), 3 * int64(len(m.held))}, []int64{ready, unacked})
	active := 0
	for _, c := range m.consumers {
		holds := 0
		for _, by := range m.held {
			if by == c {
				holds++
			}
		}
		require.Equal(t, holds, c.Unacked())
		require.True(t, c.NoAck || c.Prefetch == 0 || holds <= c.Prefetch, "more than its prefetch")
		if c.Active() {
			active++
		}
		if !m.single && len(m.ready) > 0 {
			require.True(t, !c.NoAck && c.Prefetch > 0 && holds >= c.Prefetch, "a message waits although %s could have it", c.Tag)
		}
	}
	if m.single {
		require.LessOrEqual(t, active, 1)
		require.Equal(t, len(m.consumers) > 0, active == 1, "somebody is active")
	}
	listed := map[queue.ID]bool{}
	for r := range m.q.Records() {
		require.False(t, listed[r.ID])
		listed[r.ID] = true
		_, held := m.held[r.ID]
		require.Equal(t, held, r.Unacked)
	}
	require.Len(t, listed, len(m.ready)+len(m.held), "nothing is lost")
}

// comeBack notes that ids are ready again, but for those that are dead because of that.
func (m *model) comeBack(dead []queue.Dead, ids []queue.ID) {
	for _, id := range ids {
		delete(m.held, id)
		m.ready[id], m.back[id] = true, true
	}
	for _, d := range dead {
		if d.Reason == queue.DeliveredTooOften {
			require.Contains(m.t, ids, d.ID)
		} else {
			require.Equal(m.t, queue.Classic, m.kind, "a quorum queue delivers before it drops")
		}
	}
	m.die(dead)
}

func (m *model) actions() map[string]func(*rapid.T) {
	act := func(f func()) func(*rapid.T) {
		return func(t *rapid.T) {
			m.t = t
			f()
			m.pump()
		}
	}
	return map[string]func(*rapid.T){
		"": m.check,
		"publish": act(func() {
			for range rapid.IntRange(1, 5).Draw(m.t, "messages") {
				id, dead, refused := m.q.Publish(m.now, expiring("abc", rapid.SampledFrom([]string{"", "0", "100"}).Draw(m.t, "expiration")), "publisher")
				require.Empty(m.t, dead)
				if !refused {
					m.ready[id] = true
				}
				m.pump()
			}
		}),
		"consume": act(func() {
			m.tag++
			c := &queue.Consumer{
				Tag: fmt.Sprint("c", m.tag), Prefetch: rapid.IntRange(0, 3).Draw(m.t, "prefetch"),
				NoAck: rapid.IntRange(0, 5).Draw(m.t, "no ack") == 0, Priority: rapid.Int64Range(0, 2).Draw(m.t, "priority"),
			}
			m.consumers = append(m.consumers, c)
			require.Nil(m.t, m.q.AddConsumer(m.now, c))
		}),
		"get": act(func() {
			noAck := rapid.Bool().Draw(m.t, "no ack")
			e, remaining, ok, err := m.q.Get(m.now, noAck)
			if err != nil {
				m.t.Skip("not here")
			}
			require.Equal(m.t, len(m.ready) > 0, ok)
			if ok {
				m.take(e, nil, noAck)
				m.pump() // what is expired right behind it does not count
				require.Equal(m.t, len(m.ready), remaining)
			}
		}),
		"ack": act(func() {
			ids := m.pick(keys(m.held), "ack")
			m.q.Ack(m.now, ids...)
			m.q.Ack(m.now, ids...) // harmless
			for _, id := range ids {
				delete(m.held, id)
			}
		}),
		"requeue": act(func() {
			ids := m.pick(keys(m.held), "requeue")
			m.comeBack(m.q.Requeue(m.now, rapid.SampledFrom([]queue.Return{queue.Nacked, queue.RejectedBack}).Draw(m.t, "how"), ids...), ids)
		}),
		"discard": act(func() {
			ids := m.pick(keys(m.held), "discard")
			dead := m.q.Discard(m.now, ids...)
			require.Len(m.t, dead, len(ids))
			m.die(dead)
		}),
		"cancel": act(func() {
			if len(m.consumers) == 0 {
				m.t.Skip("nobody")
			}
			i := rapid.IntRange(0, len(m.consumers)-1).Draw(m.t, "who")
			m.q.Cancel(m.now, m.consumers[i])
			m.consumers = slices.Delete(m.consumers, i, i+1)
		}),
		"leave": act(func() {
			if len(m.consumers) == 0 {
				m.t.Skip("nobody")
			}
			n := rapid.IntRange(1, len(m.consumers)).Draw(m.t, "how many")
			gone := slices.Clone(m.consumers[:n])
			m.consumers = slices.Delete(m.consumers, 0, n)
			var ids []queue.ID
			for id, by := range m.held {
				if by != nil && slices.Contains(gone, by) {
					ids = append(ids, id)
				}
			}
			slices.Sort(ids)
			m.comeBack(m.q.Leave(m.now, gone, ids), ids)
		}),
		"wait": act(func() { m.now = m.now.Add(time.Duration(rapid.IntRange(1, 80).Draw(m.t, "ms")) * time.Millisecond) }),
		"purge": act(func() {
			if rapid.IntRange(0, 4).Draw(m.t, "really") > 0 {
				m.t.Skip("seldom")
			}
			n, err := m.q.Purge()
			require.Nil(m.t, err)
			require.Equal(m.t, len(m.ready), n)
			clear(m.ready)
		}),
	}
}

func TestNothingIsLostOrDoubled(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		rapid.Check(t, func(rt *rapid.T) {
			a := table{"x-queue-type": wire.String(k.String())}
			single := rapid.Bool().Draw(rt, "single active")
			a["x-single-active-consumer"] = wire.Bool(single)
			if rapid.Bool().Draw(rt, "limited") {
				a["x-max-length"] = wire.Int32(4)
			}
			if rapid.Bool().Draw(rt, "refusing") {
				a["x-overflow"] = wire.String("reject-publish")
			}
			if rapid.Bool().Draw(rt, "forgetful") {
				a["x-message-ttl"] = wire.Int32(150)
			}
			s, err := queue.ParseArguments(v, "/", &wire.QueueDeclare{Queue: "q", Durable: true, Arguments: arguments(a)})
			require.Nil(rt, err)
			start := time.Unix(1_800_000_000, 0)
			m := &model{
				t: rt, q: queue.New(v, s, start), kind: k, single: single, now: start, ready: map[queue.ID]bool{},
				held: map[queue.ID]*queue.Consumer{}, back: map[queue.ID]bool{},
			}
			rt.Repeat(m.actions())
		})
	})
}
