package vhost_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// model is what must be true of one queue and three channels, whatever they do: a message is with nobody twice, none is lost
// and none comes from nowhere.
type model struct {
	s         *stage
	actors    [3]*actor
	seen      [3]int               // deliveries of the actor that the model knows
	held      [3]map[uint64]string // by tag
	consuming [3]int
	left      map[string]bool // published and not done
	next      int
}

func (m *model) open(i int) {
	m.actors[i] = m.s.actor()
	m.actors[i].does(&wire.ConfirmSelect{})
	m.seen[i], m.held[i], m.consuming[i] = 0, map[uint64]string{}, 0
}

// look learns of new deliveries.
func (m *model) look() {
	for i, a := range m.actors {
		for ; m.seen[i] < len(a.tags); m.seen[i]++ {
			body := string(a.bodies[m.seen[i]].Body)
			require.True(m.s.t, m.left[body], "%s is done, but was delivered", body)
			for j := range m.held {
				require.NotContains(m.s.t, slices.Collect(maps.Values(m.held[j])), body, "somebody has it already")
			}
			m.held[i][a.tags[m.seen[i]]] = body
		}
	}
}

func (m *model) check() {
	m.look()
	unacked := 0
	for i := range m.held {
		unacked += len(m.held[i])
	}
	q := m.s.Snapshot().Queues[0]
	require.Equal(m.s.t, unacked, q.Unacked)
	require.Equal(m.s.t, len(m.left), q.Ready+q.Unacked)
}

// pick draws a delivery of actor i; ok is false if it has none.
func (m *model) pick(t *rapid.T, i int) (tag uint64, ok bool) {
	if len(m.held[i]) == 0 {
		return 0, false
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(m.held[i]))).Draw(t, "tag"), true
}

// finish forgets deliveries of actor i up to the tag; with done they are done for good.
func (m *model) finish(i int, tag uint64, multiple, done bool) {
	for other, body := range m.held[i] {
		if other == tag || multiple && other < tag {
			delete(m.held[i], other)
			if done {
				delete(m.left, body)
			}
		}
	}
}

func (m *model) step(t *rapid.T) {
	i := rapid.IntRange(0, 2).Draw(t, "actor")
	a := m.actors[i]
	multiple := rapid.Bool().Draw(t, "multiple")
	switch op := rapid.SampledFrom([]string{"publish", "publish", "get", "consume", "cancel", "ack", "nack", "drop", "reject", "recover",
		"close", "purge", "crash"}).Draw(t, "op"); op {
	case "publish":
		body := fmt.Sprint(m.next)
		m.next++
		m.left[body] = true
		a.publish(&wire.BasicPublish{RoutingKey: "q"}, persistent, body)
	case "get":
		a.does(&wire.BasicGet{Queue: "q"})
	case "consume":
		m.consuming[i]++
		a.does(&wire.BasicQos{PrefetchCount: rapid.Uint16Range(0, 3).Draw(t, "prefetch")},
			&wire.BasicConsume{Queue: "q", ConsumerTag: fmt.Sprint(m.consuming[i])})
	case "cancel":
		a.does(&wire.BasicCancel{ConsumerTag: fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "tag"))})
	case "ack", "nack", "drop", "reject":
		tag, ok := m.pick(t, i)
		if !ok {
			return
		}
		m.finish(i, tag, multiple && op != "reject", op == "ack" || op == "drop")
		a.does(map[string]wire.Method{
			"ack": &wire.BasicAck{DeliveryTag: tag, Multiple: multiple}, "drop": &wire.BasicNack{DeliveryTag: tag, Multiple: multiple},
			"nack":   &wire.BasicNack{DeliveryTag: tag, Multiple: multiple, Requeue: true},
			"reject": &wire.BasicReject{DeliveryTag: tag, Requeue: true},
		}[op])
	case "recover":
		clear(m.held[i])
		a.does(&wire.BasicRecover{Requeue: true})
	case "close":
		clear(m.held[i])
		a.Close()
		m.look()
		m.open(i)
	case "purge":
		a.does(&wire.QueuePurge{Queue: "q"})
		m.look()
		for body := range m.left {
			if !slices.ContainsFunc(m.held[:], func(h map[uint64]string) bool { return slices.Contains(slices.Collect(maps.Values(h)), body) }) {
				delete(m.left, body)
			}
		}
	case "crash":
		m.s.Crash()
		for i := range m.actors {
			m.open(i)
		}
	}
}

func TestNothingIsLostAndNothingIsTwice(t *testing.T) {
	for kind, declare := range map[string]*wire.QueueDeclare{
		"classic": durable("q"),
		"quorum":  durable("q", "x-queue-type", wire.String("quorum"), "x-delivery-limit", wire.Int32(1_000_000)),
	} {
		for _, seed := range []int64{0, 1} {
			t.Run(fmt.Sprintf("%s/hostility=%d", kind, seed), func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) {
					s := newStage(rt, version.V40, func(c *vhost.Config) { c.Hostility = seed })
					m := &model{s: s, left: map[string]bool{}}
					for i := range m.actors {
						m.open(i)
					}
					m.actors[0].does(declare)
					for range rapid.IntRange(1, 40).Draw(rt, "steps") {
						m.step(rt)
						if seed != 0 {
							s.clock.Advance(10 * time.Millisecond)
						}
						m.check()
					}
				})
			})
		}
	}
}
