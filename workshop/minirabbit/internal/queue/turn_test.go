package queue_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

func priority(p int64) func(*queue.Consumer) { return func(c *queue.Consumer) { c.Priority = p } }
func noAck(c *queue.Consumer)                { c.NoAck = true }

// The deliveries were seen on 3.10.8 and 4.0.5, classic and quorum.
func TestConsumersTakeTurns(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		for _, tag := range []string{"A", "B", "C"} {
			w.consume(tag, 2)
		}
		w.publish(numbers(1, 12)...)
		require.Equal(t, "A:1, B:2, C:3, A:4, B:5, C:6", w.saw())
		w.ack("5")
		w.ack("2")
		w.ack("1")
		w.ack("3")
		w.ack("6")
		require.Equal(t, "B:7, B:8, A:9, C:10, C:11", w.saw())
		require.Equal(t, 1, w.Ready())
		require.Equal(t, 6, w.Unacked())
	})
}

// A classic queue finds out that a consumer has no credit when its turn comes; a quorum queue keeps it out until it has some.
func TestWhoGetsCreditBackGoesToTheEnd(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		for _, tag := range []string{"A", "B", "C"} {
			w.consume(tag, 1)
		}
		w.publish("1", "2")
		w.ack("2")
		w.ack("1")
		w.saw()
		w.publish("3", "4", "5")
		if k == queue.Classic {
			require.Equal(t, "C:3, A:4, B:5", w.saw())
		} else {
			require.Equal(t, "C:3, B:4, A:5", w.saw())
		}
	})
}

func TestTheHighestPriorityComesFirst(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		w.consume("low", 10, priority(-1))
		high := w.consume("high", 2, priority(5))
		w.consume("normal", 1)
		w.publish(numbers(1, 5)...)
		require.Equal(t, "high:1, high:2, normal:3, low:4, low:5", w.saw())
		w.ack("1")
		w.publish("6")
		require.Equal(t, "high:6", w.saw())
		w.cancel(high)
		w.publish("7")
		require.Equal(t, "low:7", w.saw())
	})
}

func TestPrefetchDoesNotLimitWhoDoesNotAcknowledge(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		w.consume("A", 1, noAck)
		w.publish("1", "2", "3")
		require.Equal(t, "A:1, A:2, A:3", w.saw())
		require.Zero(t, w.Unacked())
	})
}

func TestAQuorumQueueGivesNobodyMoreThan2000(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		w.publish(numbers(1, 2300)...)
		c := w.consume("A", 0)
		if k == queue.Quorum {
			require.Equal(t, 2000, c.Unacked())
			w.ack("7")
		}
		require.Equal(t, 2300-w.Ready()-map[queue.Kind]int{queue.Quorum: 1}[k], c.Unacked())
	})
}

func TestAConsumerThatIsNotReadyWaitsForWake(t *testing.T) {
	for _, k := range []queue.Kind{queue.Classic, queue.Quorum, queue.Stream} {
		w := newWorld(t, version.V40, k, nil)
		ready := false
		a := w.consume("A", 10, func(c *queue.Consumer) { c.Ready = func() bool { return ready } })
		w.publish("1")
		require.Empty(t, w.saw())
		w.consume("B", 10)
		if k != queue.Stream {
			require.Equal(t, "B:1", w.saw(), "others don't wait for it")
		}
		ready = true
		w.pump()
		require.Empty(t, w.saw(), "nobody said so")
		w.Wake(a)
		w.publish("2", "3")
		require.Contains(t, w.saw(), "A:")
	}
}

func TestACancelledConsumerKeepsWhatItHas(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		c := w.consume("A", 1)
		w.publish("1", "2")
		require.Equal(t, 1, w.ConsumerCount())
		w.cancel(c)
		require.Equal(t, []int{1, 1}, []int{w.Unacked(), w.Ready()})
		if k == queue.Quorum {
			require.Equal(t, 1, w.ConsumerCount(), "it counts as long as it holds messages")
		}
		w.ack("1")
		require.Zero(t, w.ConsumerCount())
		w.get()
		require.Equal(t, map[queue.Kind]int{queue.Classic: 0, queue.Quorum: 1}[k], w.ConsumerCount(), "so does a message that was got")
		w.ack("2")
		require.Zero(t, w.ConsumerCount())
		w.cancel(c) // harmless
		require.Equal(t, "A:1", w.saw())
	})
}

func single(v version.Version) table { return table{"x-single-active-consumer": wire.Bool(true)} }

func TestOnlyOneConsumerIsActive(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, single(v))
		a, b := w.consume("A", 2), w.consume("B", 2)
		w.publish(numbers(1, 4)...)
		require.Equal(t, "A:1, A:2", w.saw(), "B waits although A is busy")
		require.True(t, a.Active())
		require.False(t, b.Active())
		w.ack("1", "2")
		require.Equal(t, "A:3, A:4", w.saw())
		w.leave(a, "3", "4")
		require.Equal(t, "B:3, B:4", w.saw(), "the order stays when the channel of the active one closes")
		require.False(t, a.Active())
	})
}

// Seen on 3.10.8 and 4.0.5.
func TestCancellingTheActiveConsumerHandsOver(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, single(v))
		a, b := w.consume("A", 2), w.consume("B", 2)
		w.publish(numbers(1, 5)...)
		w.saw()
		w.cancel(a)
		require.True(t, b.Active())
		if k == queue.Quorum || v != version.V310 {
			require.Equal(t, "B:3, B:4", w.saw(), "at once, although A works on 1 and 2")
			return
		}
		require.Empty(t, w.saw())
		w.ack("1")
		require.Empty(t, w.saw())
		w.requeue(queue.Nacked, "2")
		require.Equal(t, "B:2, B:3", w.saw())
	})
}

func TestAStalledClassicQueueGoesOnWhenSomethingHappens(t *testing.T) {
	for name, happen := range map[string]func(w *world, a *queue.Consumer){
		"publish":       func(w *world, _ *queue.Consumer) { w.publish("9") },
		"consume":       func(w *world, _ *queue.Consumer) { w.consume("C", 1) },
		"channel close": func(w *world, a *queue.Consumer) { w.leave(a) },
	} {
		w := newWorld(t, version.V310, queue.Classic, single(version.V310))
		a := w.consume("A", 1)
		w.consume("B", 1)
		w.publish("1", "2")
		w.cancel(a)
		w.saw()
		happen(w, a)
		require.Equal(t, "B:2", w.saw(), name)
	}
}

func TestPriorityOfSingleActiveConsumers(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, single(v))
		a := w.consume("A", 1)
		w.publish("1")
		b := w.consume("B", 1, priority(10))
		w.publish("2", "3")
		require.Equal(t, "A:1", w.saw())
		w.ack("1")
		if k == queue.Classic || v == version.V310 {
			require.Equal(t, "A:2", w.saw(), "who is active stays")
			w.leave(a, "2")
			require.Equal(t, "B:2", w.saw())
			return
		}
		require.Equal(t, "B:2", w.saw(), "it takes over when A has nothing left")
		w.consume("C", 1, priority(20))
		w.requeue(queue.RejectedBack, "2")
		require.Equal(t, "C:2", w.saw())
		w.cancel(b)
		require.False(t, a.Active())
	})
}

func TestWhoIsNextAmongTheWaiting(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, single(v))
		a := w.consume("A", 1)
		b := w.consume("B", 1)
		w.consume("C", 5)
		d := w.consume("D", 1)
		w.cancel(a)
		w.publish("1")
		want := "B:1"
		if k == queue.Quorum && v != version.V310 {
			want = "C:1" // of the same priority the one with most credit
		}
		require.Equal(t, want, w.saw())
		w.cancel(d)
		w.cancel(b)
		require.Equal(t, "C", w.Consumers()[0].Tag)
	})
}
