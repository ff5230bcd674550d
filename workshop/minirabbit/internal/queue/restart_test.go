package queue_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

func persistent(text string) *message.Message {
	m := body(text)
	m.Properties.DeliveryMode = wire.Some[uint8](2)
	return m
}

func TestWhatARestartLeaves(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		for _, m := range []*message.Message{persistent("1"), persistent("2"), body("transient"), persistent("3")} {
			w.send(m)
		}
		w.consume("A", 1)
		require.Equal(t, "2", w.get())
		require.Empty(t, w.Restart(w.now))
		w.pump()
		require.Zero(t, w.Unacked()+w.ConsumerCount())
		require.False(t, w.Abandoned())
		if k == queue.Classic {
			require.Equal(t, "1' 2' 3", w.drain())
		} else {
			require.Equal(t, "1'1 2'1 transient 3", w.drain())
		}
	})
}

func TestARestartCountsTowardsTheDeliveryLimit(t *testing.T) {
	w := newWorld(t, version.V43, queue.Quorum, table{"x-delivery-limit": wire.Int32(0)})
	w.publish("m")
	w.consume("A", 1)
	w.bury(w.Restart(w.now))
	require.Equal(t, "A:m, m delivery_limit", w.saw())
}

func TestAStreamSurvivesARestart(t *testing.T) {
	w := newWorld(t, version.V40, queue.Stream, nil)
	w.publish("1", "2")
	w.consume("A", 1, from(queue.Offset{From: queue.FromFirst}))
	require.Empty(t, w.Restart(w.now))
	w.pump()
	require.Equal(t, "A:1", w.saw())
	require.Equal(t, "1 2", w.read(wire.String("first")))
}

// rebuilt returns a queue made of the records of w.
func (w *world) rebuilt(v version.Version) *world {
	w.t.Helper()
	other := newWorld(w.t, v, w.Settings().Kind, nil)
	other.Queue = queue.New(v, *w.Settings(), w.now)
	other.now = w.now
	for r := range w.Records() {
		other.Restore(r)
	}
	return other
}

func TestAQueueIsRebuiltFromRecords(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, table{"x-message-ttl": wire.Int32(60000)})
		for _, n := range numbers(1, 9) {
			w.send(persistent(n))
		}
		for range 6 {
			w.get()
		}
		w.requeue(queue.RejectedBack, "5")
		w.requeue(queue.RejectedBack, "3")
		w.pass(time.Second)

		other := w.rebuilt(v)
		require.Equal(t, []int{w.Ready(), w.Unacked()}, []int{other.Ready(), other.Unacked()})
		require.Empty(t, other.Restart(other.now))
		_, _, _ = other.Publish(other.now, body("new"), "publisher")
		if k == queue.Classic {
			require.Equal(t, "1' 2' 3' 4' 5' 6' 7 8 9 new", other.drain())
			return
		}
		require.Empty(t, w.Restart(w.now))
		_, _, _ = w.Publish(w.now, body("new"), "publisher")
		require.ElementsMatch(t, strings.Fields(w.drain()), strings.Fields(other.drain()))
	})
}

func TestTheTimeOfARecordGoesOn(t *testing.T) {
	w := newWorld(t, version.V40, queue.Classic, table{"x-message-ttl": wire.Int32(1000)})
	w.send(persistent("1"))
	w.pass(600 * time.Millisecond)
	other := w.rebuilt(version.V40)
	other.pass(399 * time.Millisecond)
	require.Empty(t, other.saw())
	other.pass(time.Millisecond)
	require.Equal(t, "1 expired", other.saw())
}

func TestAStreamIsRebuiltWithItsOffsets(t *testing.T) {
	w := newWorld(t, version.V40, queue.Stream, table{"x-max-length-bytes": wire.Int32(1), "x-stream-max-segment-size-bytes": wire.Int32(1)})
	w.publish("0", "1", "2")
	w.pass(time.Hour)
	w.publish("3")
	other := w.rebuilt(version.V40)
	require.Equal(t, w.Ready(), other.Ready())
	other.publish("4")
	require.Equal(t, "4", other.read(wire.Int64(4)))
	require.Equal(t, "4", other.read(wire.String("first")))
}

func TestAfterAKillAllOfAClassicQueueIsRedelivered(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		w.send(persistent("1"))
		w.send(persistent("2"))
		require.Empty(t, w.Restart(w.now))
		w.Doubt()
		if k == queue.Classic {
			require.Equal(t, "1' 2'", w.drain())
		} else {
			require.Equal(t, "1 2", w.drain())
		}
	})
}
