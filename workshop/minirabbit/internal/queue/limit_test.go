package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

func TestTheSmallerLimitOfTimeWins(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, table{"x-message-ttl": wire.Int32(1000)})
		w.send(expiring("short", "300"))
		w.pass(299 * time.Millisecond)
		require.Empty(t, w.saw())
		at, ok := w.NextExpiry()
		require.True(t, ok)
		require.Equal(t, w.now.Add(time.Millisecond), at)
		w.pass(time.Millisecond)
		require.Equal(t, "short expired", w.saw())

		w.send(expiring("long", "5000"))
		w.pass(time.Second)
		require.Equal(t, "long expired", w.saw())
		_, ok = w.NextExpiry()
		require.False(t, ok)
	})
}

func TestAnExpirationMayHaveASign(t *testing.T) {
	w := newWorld(t, version.V40, queue.Classic, nil)
	w.send(expiring("m", "+300"))
	w.pass(300 * time.Millisecond)
	require.Equal(t, "m expired", w.saw())
}

func TestMessagesExpireOnlyAtTheHead(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		w.send(expiring("slow", "3000"))
		w.send(expiring("quick", "300"))
		w.pass(2999 * time.Millisecond)
		require.Empty(t, w.saw(), "the quick one is behind the slow one")
		require.Equal(t, 2, w.Ready())
		w.pass(time.Millisecond)
		require.Equal(t, "slow expired, quick expired", w.saw())
	})
}

func TestAMessageWithoutTimeGoesToAWaitingConsumerOnly(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		c := w.consume("A", 10)
		w.send(expiring("1", "0"))
		require.Equal(t, "A:1", w.saw())
		w.cancel(c)
		w.send(expiring("2", "0"))
		w.pass(time.Millisecond)
		require.Equal(t, "2 expired", w.saw())
	})
}

func TestARequeuedMessageKeepsItsTime(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, table{"x-message-ttl": wire.Int32(100)})
		w.publish("1")
		require.Equal(t, "1", w.get())
		w.pass(time.Second)
		require.Empty(t, w.saw(), "what is delivered doesn't expire")
		w.requeue(queue.Nacked, "1")
		require.Equal(t, "1 expired", w.saw())
	})
}

func TestOnlyReadyMessagesCountForTheLength(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		for name, a := range map[string]table{
			"messages": {"x-max-length": wire.Int32(2)},
			"bytes":    {"x-max-length-bytes": wire.Int32(2)},
		} {
			w := newWorld(t, v, k, a)
			require.Equal(t, "++++", w.publish(numbers(1, 4)...))
			require.Equal(t, "1 maxlen, 2 maxlen", w.saw(), name)
			require.Equal(t, "3", w.get())
			w.publish("5")
			require.Empty(t, w.saw(), name)
			w.publish("6")
			require.Equal(t, "4 maxlen", w.saw(), name)
		}
	})
}

// What the two brokers did with a classic queue is the same; quorum queues differ in where a message goes back to.
func TestAMessageThatComesBackMayBeTooMuch(t *testing.T) {
	for _, v := range versions {
		w := newWorld(t, v, queue.Classic, table{"x-max-length": wire.Int32(2)})
		w.publish("1", "2")
		w.get()
		w.publish("3")
		w.requeue(queue.Nacked, "1")
		require.Equal(t, "1 maxlen", w.saw())

		w = newWorld(t, v, queue.Quorum, table{"x-max-length": wire.Int32(2)})
		w.publish("1", "2")
		w.get()
		w.publish("3")
		w.requeue(queue.Nacked, "1")
		if v == version.V310 {
			require.Equal(t, "2 maxlen", w.saw(), "without a limit it went to the end")
		} else {
			require.Equal(t, "1 maxlen", w.saw())
		}
	}
}

func TestAConsumerThatWaitsGetsWhatTheQueueHasNoRoomFor(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		for _, a := range []table{{"x-max-length": wire.Int32(0)}, {"x-max-length-bytes": wire.Int32(1)}} {
			w := newWorld(t, v, k, a)
			c := w.consume("A", 0)
			w.publish("first")
			require.Equal(t, "A:first", w.saw())
			w.cancel(c)
			w.publish("second")
			require.Equal(t, "second maxlen", w.saw())
		}
	})
}

func TestAClassicQueueRefusesWhatIsTooMuch(t *testing.T) {
	for _, v := range versions {
		w := newWorld(t, v, queue.Classic, table{"x-max-length": wire.Int32(5), "x-overflow": wire.String("reject-publish")})
		require.Equal(t, "+++++---", w.publish(numbers(1, 8)...))
		require.Equal(t, "1", w.get())
		require.Equal(t, "+--", w.publish("9", "10", "11"))
		w.requeue(queue.Nacked, "1")
		require.Equal(t, "-", w.publish("12"))
		require.Empty(t, w.saw())
		require.Equal(t, "1' 2 3 4 5 9", w.drain(), "what comes back isn't refused")

		w = newWorld(t, v, queue.Classic, table{"x-max-length": wire.Int32(0), "x-overflow": wire.String("reject-publish")})
		w.consume("A", 0)
		require.Equal(t, "-", w.publish("1"), "even with a consumer that waits")

		w = newWorld(t, v, queue.Classic, table{"x-max-length-bytes": wire.Int32(2), "x-overflow": wire.String("reject-publish-dlx")})
		require.Equal(t, "++-", w.publish("1", "2", "3"))
		require.Equal(t, "3 maxlen", w.saw())
		require.Equal(t, "+", w.publish(""), "it has no bytes")
	}
}

func TestAQuorumQueueRefusesLateAndLong(t *testing.T) {
	for _, v := range versions {
		for _, a := range []table{{"x-max-length": wire.Int32(5)}, {"x-max-length-bytes": wire.Int32(5)}} {
			a["x-overflow"] = wire.String("reject-publish")
			w := newWorld(t, v, queue.Quorum, a)
			require.Equal(t, "++++++--", w.publish(numbers(1, 8)...), "one more than it may have")
			w.get()
			require.Equal(t, "-", w.publish("9"), "5 are more than 80 percent")
			w.get()
			require.Equal(t, "++-", w.publish("a", "b", "c"))
		}
		w := newWorld(t, v, queue.Quorum, table{"x-max-length": wire.Int32(0), "x-overflow": wire.String("reject-publish")})
		require.Equal(t, "+-", w.publish("1", "2"))
		w.get()
		require.Equal(t, "+-", w.publish("3", "4"))

		w = newWorld(t, v, queue.Quorum, table{"x-max-length": wire.Int32(1), "x-overflow": wire.String("reject-publish-dlx")})
		require.Equal(t, "++", w.publish("1", "2"), "quorum queues don't know it and drop the head")
		require.Equal(t, "1 maxlen", w.saw())
	}
}

func TestAQueueExpiresWhenNobodyUsesIt(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, table{"x-expires": wire.Int32(1000)})
		start := w.now
		expires := func() time.Duration {
			at, ok := w.ExpiresAt()
			if !ok {
				return -1
			}
			return at.Sub(start)
		}
		require.Equal(t, time.Second, expires())
		w.pass(100 * time.Millisecond)
		w.Touch(w.now)
		if k == queue.Quorum {
			require.Equal(t, time.Second, expires(), "a declaration is no use for it")
		} else {
			require.Equal(t, 1100*time.Millisecond, expires())
		}
		w.pass(100 * time.Millisecond)
		w.publish("1")
		require.NotEqual(t, 1200*time.Millisecond, expires(), "publishing is no use")
		w.get()
		w.ack("1")
		require.Equal(t, 1200*time.Millisecond, expires())
		c := w.consume("A", 0)
		require.Equal(t, time.Duration(-1), expires())
		w.pass(100 * time.Millisecond)
		w.cancel(c)
		require.Equal(t, 1300*time.Millisecond, expires())
	})
	w := newWorld(t, version.V40, queue.Classic, nil)
	_, ok := w.ExpiresAt()
	require.False(t, ok)
}

func TestAnAutoDeleteQueueGoesAfterItsLastConsumer(t *testing.T) {
	s, err := queue.ParseArguments(version.V40, "/", &wire.QueueDeclare{Queue: "q", Durable: true, AutoDelete: true})
	require.Nil(t, err)
	now := time.Now()
	q := queue.New(version.V40, s, now)
	require.False(t, q.Abandoned(), "it had none yet")
	a, b := &queue.Consumer{Tag: "A"}, &queue.Consumer{Tag: "B"}
	require.Nil(t, q.AddConsumer(now, a))
	require.Nil(t, q.AddConsumer(now, b))
	q.Cancel(now, a)
	require.False(t, q.Abandoned())
	q.Leave(now, []*queue.Consumer{b}, nil)
	require.True(t, q.Abandoned())
}
