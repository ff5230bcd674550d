package queue_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// The orders were seen on 3.10.8 and 4.0.5: 3 and then 1 of six messages are nacked while four are held.
func TestWhereMessagesComeBack(t *testing.T) {
	for _, c := range []struct {
		v      version.Version
		kind   queue.Kind
		more   table
		nacked string
		closed string
	}{
		{version.V310, queue.Classic, nil, "1' 3' 5 6", "1' 2' 3' 4' 5 6"},
		{version.V40, queue.Classic, nil, "1' 3' 5 6", "1' 2' 3' 4' 5 6"},
		{version.V310, queue.Quorum, nil, "5 6 3'1 1'1", "2'1 4'1 5 6 3'1 1'1"},
		{version.V310, queue.Quorum, table{"x-delivery-limit": wire.Int32(3)}, "3'1 1'1 5 6", "3'1 1'1 2'1 4'1 5 6"},
		{version.V40, queue.Quorum, nil, "3'1 1'1 5 6", "3'1 1'1 2'1 4'1 5 6"},
		{version.V40, queue.Quorum, table{"x-delivery-limit": wire.Int32(-1)}, "5 6 3'1 1'1", "2'1 4'1 5 6 3'1 1'1"},
		{version.V43, queue.Quorum, nil, "3' 1' 5 6", "3' 1' 2'1 4'1 5 6"},
	} {
		for _, close := range []bool{false, true} {
			w := newWorld(t, c.v, c.kind, c.more)
			w.publish(numbers(1, 6)...)
			a := w.consume("A", 4)
			w.cancel(a)
			w.requeue(queue.Nacked, "3")
			w.requeue(queue.Nacked, "1")
			want := c.nacked
			if close {
				w.leave(a, "2", "4")
				want = c.closed
			}
			require.Equal(t, want, w.drain(), "%s %s %v", c.v, c.kind, c.more)
		}
	}
}

func TestMessagesOfAClosedChannelComeFirst(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		w.publish(numbers(1, 6)...)
		a := w.consume("A", 3)
		w.leave(a, "1", "2", "3")
		want := "1' 2' 3' 4 5 6"
		if k == queue.Quorum {
			want = "1'1 2'1 3'1 4 5 6"
		}
		require.Equal(t, want, w.drain())
	})
}

func TestTheDeliveryLimitIsOneLessThanTheDeliveries(t *testing.T) {
	for _, v := range versions {
		w := newWorld(t, v, queue.Quorum, table{"x-delivery-limit": wire.Int32(2)})
		w.consume("A", 1)
		w.publish("m")
		for range 3 {
			w.requeue(queue.RejectedBack, "m")
		}
		require.Equal(t, "A:m, A:m, A:m, m delivery_limit", w.saw())
		require.Zero(t, w.Unacked()+w.Ready())
	}
}

func TestANackDoesNotCountSince43(t *testing.T) {
	for _, v := range versions {
		w := newWorld(t, v, queue.Quorum, table{"x-delivery-limit": wire.Int32(1)})
		w.consume("A", 1)
		w.publish("m")
		w.requeue(queue.Nacked, "m")
		w.requeue(queue.Nacked, "m")
		if v == version.V43 {
			require.Equal(t, "A:m, A:m, A:m", w.saw())
			w.requeue(queue.RejectedBack, "m")
			w.requeue(queue.Lost, "m")
			require.Equal(t, "A:m, m delivery_limit", w.saw())
		} else {
			require.Equal(t, "A:m, A:m, m delivery_limit", w.saw())
		}
	}
}

func TestTheDefaultDeliveryLimit(t *testing.T) {
	for v, want := range map[version.Version]int{version.V310: 50, version.V40: 21, version.V43: 21} {
		w := newWorld(t, v, queue.Quorum, nil)
		w.consume("A", 1)
		w.publish("m")
		n := 0
		for ; n < 50 && w.Unacked() == 1; n++ {
			w.requeue(queue.RejectedBack, "m")
		}
		require.Equal(t, want, n, v.String())
	}
}

func TestHeadersOfDeliveries(t *testing.T) {
	headers := func(v version.Version, k queue.Kind, why queue.Return) string {
		w := newWorld(t, v, k, nil)
		m := body("m")
		m.Properties.Headers = wire.Table{{Name: "z", Value: wire.Int32(1)}, {Name: "a", Value: wire.Int32(2)}}
		w.send(m)
		e, _, _, _ := w.Get(w.now, false)
		first := e.Message.Properties.Headers.String()
		w.Requeue(w.now, why, e.ID)
		require.Nil(t, w.AddConsumer(w.now, &queue.Consumer{Tag: "A"}))
		again, dead, ok := w.Next(w.now)
		require.True(t, ok)
		require.Empty(t, dead)
		require.True(t, again.Redelivered)
		left := w.Discard(w.now, again.ID)
		require.Len(t, left, 1)
		require.Equal(t, queue.Rejected, left[0].Reason)
		require.Equal(t, m.Properties, left[0].Message.Properties, "it dies as it was published")
		return first + " " + again.Message.Properties.Headers.String()
	}
	require.Equal(t, "{z=1 a=2} {z=1 a=2}", headers(version.V40, queue.Classic, queue.Nacked))
	require.Equal(t, "{a=2 x-delivery-count=0 z=1} {a=2 x-delivery-count=1 z=1}", headers(version.V310, queue.Quorum, queue.Nacked))
	require.Equal(t, "{z=1 a=2} {a=2 x-delivery-count=1 z=1}", headers(version.V40, queue.Quorum, queue.Nacked))
	require.Equal(t, "{z=1 a=2} {a=2 x-acquired-count=1 z=1}", headers(version.V43, queue.Quorum, queue.Nacked))
	require.Equal(t, "{z=1 a=2} {a=2 x-acquired-count=1 x-delivery-count=1 z=1}", headers(version.V43, queue.Quorum, queue.RejectedBack))
}

func TestTheCountIsALongInteger(t *testing.T) {
	w := newWorld(t, version.V40, queue.Quorum, nil)
	w.publish("m")
	e, remaining, ok, err := w.Get(w.now, false)
	require.Nil(t, err)
	require.True(t, ok)
	require.Zero(t, remaining)
	w.Requeue(w.now, queue.Nacked, e.ID)
	e, _, _, _ = w.Get(w.now, true)
	count, _ := e.Message.Header("x-delivery-count")
	require.Equal(t, wire.Int64(1), count)
}

func TestRejectedMessagesDieInOrder(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		w.consume("A", 3)
		w.publish(numbers(1, 4)...)
		w.saw()
		w.discard("2", "1")
		require.Equal(t, "2 rejected, 1 rejected, A:4", w.saw())
		w.discard("1")
		require.Empty(t, w.saw(), "it is gone already")
		require.Equal(t, "-", w.get())
	})
}

func TestWhatIsUnknownDoesNotMatter(t *testing.T) {
	for _, k := range []queue.Kind{queue.Classic, queue.Quorum, queue.Stream} {
		w := newWorld(t, version.V40, k, nil)
		w.Ack(w.now, 1, 99)
		require.Empty(t, w.Requeue(w.now, queue.Nacked, 99))
		require.Empty(t, w.Discard(w.now, 99))
		require.Empty(t, w.Leave(w.now, []*queue.Consumer{{}}, []queue.ID{99}))
		w.Wake(&queue.Consumer{})
		require.Zero(t, w.Unacked())
	}
}

func TestPurgeLeavesWhatIsDelivered(t *testing.T) {
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		w := newWorld(t, v, k, nil)
		w.publish(numbers(1, 5)...)
		w.get()
		n, err := w.Purge()
		require.Nil(t, err)
		require.Equal(t, 4, n)
		require.Equal(t, 1, w.Unacked())
		ready, unacked := w.Bytes()
		require.Equal(t, []int64{0, 1}, []int64{ready, unacked})
	})
}

func TestALateReceiverSharesTheMessage(t *testing.T) {
	w := newWorld(t, version.V40, queue.Classic, nil)
	m := &message.Message{Body: []byte("m")}
	_, _, _ = w.Publish(w.now, m, "publisher")
	e, _, _, _ := w.Get(w.now, true)
	require.Same(t, m, e.Message, "nothing is copied")
}
