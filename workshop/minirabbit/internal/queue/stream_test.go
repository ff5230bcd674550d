package queue_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

func from(o queue.Offset) func(*queue.Consumer) { return func(c *queue.Consumer) { c.Offset = o } }

// read returns what a new consumer of the stream sees at once.
func (w *world) read(o wire.Value) string {
	w.t.Helper()
	m := &wire.BasicConsume{ConsumerTag: "R"}
	if o != nil {
		m.Arguments = wire.Table{{Name: "x-stream-offset", Value: o}}
	}
	c, err := queue.ParseConsume(version.V40, w.Settings(), m)
	require.Nil(w.t, err)
	c.Prefetch = 100
	require.Nil(w.t, w.AddConsumer(w.now, c))
	w.pump()
	w.cancel(c)
	return strings.ReplaceAll(strings.ReplaceAll(w.saw(), "R:", ""), ",", "")
}

// Seen on 3.10.8 and 4.0.5, with messages 1 to 3, then a pause, then 4 to 6.
func TestWhereReadingBegins(t *testing.T) {
	w := newWorld(t, version.V40, queue.Stream, nil)
	for _, o := range []wire.Value{wire.String("last"), wire.String("first"), wire.Int64(0), wire.Int64(5)} {
		require.Empty(t, w.read(o))
	}
	w.publish("1", "2", "3")
	w.pass(1500 * time.Millisecond)
	middle := w.now
	w.pass(1200 * time.Millisecond)
	w.publish("4", "5", "6")
	w.pass(2 * time.Second)

	for o, want := range map[wire.Value]string{
		wire.String("first"): "1 2 3 4 5 6", wire.String("last"): "6", wire.String("next"): "", nil: "",
		wire.Int64(0): "1 2 3 4 5 6", wire.Int32(2): "3 4 5 6", wire.Int8(5): "6", wire.Int64(6): "", wire.Int64(99): "",
		wire.Int32(-1):                               "1 2 3 4 5 6",
		wire.TimestampOf(middle):                     "4 5 6",
		wire.TimestampOf(middle.Add(-time.Hour)):     "1 2 3 4 5 6",
		wire.TimestampOf(middle.Add(time.Hour)):      "",
		wire.String("1h"):                            "1 2 3 4 5 6",
		wire.String("1s"):                            "",
		wire.String("3s"):                            "4 5 6",
		wire.String("99999999999Y"):                  "1 2 3 4 5 6",
		wire.String("9999999999999999999999999999h"): "1 2 3 4 5 6",
	} {
		require.Equal(t, want, w.read(o), "%v", o)
	}
	require.Equal(t, 6, w.Ready())
	require.Zero(t, w.ConsumerCount())
	require.Zero(t, w.Unacked())
	ready, unacked := w.Bytes()
	require.Equal(t, []int64{6, 0}, []int64{ready, unacked})
}

func TestAReaderGetsCreditByAcknowledging(t *testing.T) {
	w := newWorld(t, version.V40, queue.Stream, nil)
	w.publish(numbers(1, 8)...)
	c := w.consume("A", 2, from(queue.Offset{From: queue.FromFirst}))
	require.Equal(t, "A:1, A:2", w.saw())
	w.ack("2")
	w.requeue(queue.Nacked, "1")
	w.discard("3")
	require.Equal(t, "A:3, A:4, A:5", w.saw(), "nothing comes back, and nothing goes")
	require.Equal(t, 8, w.Ready())
	require.Equal(t, 2, c.Unacked())
	w.leave(c, "4", "5")
	require.Zero(t, c.Unacked())
	require.Empty(t, w.saw())
}

func TestReadersDoNotDisturbEachOther(t *testing.T) {
	w := newWorld(t, version.V40, queue.Stream, nil)
	w.publish("1", "2")
	w.consume("A", 1, from(queue.Offset{From: queue.FromFirst}))
	first := w.held["1"]
	w.consume("B", 9, from(queue.Offset{From: queue.FromFirst}))
	require.Equal(t, "A:1, B:1, B:2", w.saw())
	w.publish("3")
	require.Equal(t, "B:3", w.saw())
	w.Ack(w.now, first)
	w.pump()
	require.Equal(t, "A:2", w.saw(), "the acknowledgement was A's")
}

func TestAReaderMayWaitForAnOffset(t *testing.T) {
	w := newWorld(t, version.V40, queue.Stream, nil)
	w.publish("0", "1")
	w.consume("A", 9, from(queue.Offset{From: queue.FromNumber, At: 4}))
	w.publish("2", "3", "4", "5")
	require.Equal(t, "A:4, A:5", w.saw())
}

func TestTheOffsetIsAHeader(t *testing.T) {
	w := newWorld(t, version.V40, queue.Stream, nil)
	m := &message.Message{Properties: wire.Properties{Headers: wire.Table{{Name: "z", Value: wire.Int32(1)}}}}
	for range 3 {
		_, _, _ = w.Publish(w.now, m, "publisher")
	}
	require.Nil(t, w.AddConsumer(w.now, &queue.Consumer{Prefetch: 9, Offset: queue.Offset{From: queue.FromNumber, At: 2}}))
	d, _, ok := w.Next(w.now)
	require.True(t, ok)
	require.Equal(t, wire.Table{{Name: "x-stream-offset", Value: wire.Int64(2)}, {Name: "z", Value: wire.Int32(1)}}, d.Message.Properties.Headers)
	require.False(t, d.Redelivered)
}

// Seen on 3.10.8 and 4.0.5.
func TestAStreamChangesMessages(t *testing.T) {
	deliver := func(v version.Version, p wire.Properties) string {
		w := newWorld(t, v, queue.Stream, nil)
		_, _, _ = w.Publish(w.now, &message.Message{Properties: p}, "publisher")
		require.Nil(t, w.AddConsumer(w.now, &queue.Consumer{Prefetch: 1, Offset: queue.Offset{From: queue.FromFirst}}))
		d, _, ok := w.Next(w.now)
		require.True(t, ok)
		return strings.Replace(d.Message.Properties.String(), "x-stream-offset=0", "…", 1)
	}
	require.Equal(t, " headers={…}", deliver(version.V310, wire.Properties{}))
	require.Equal(t, " headers={…} delivery-mode=1", deliver(version.V40, wire.Properties{}))
	for _, v := range versions {
		require.Equal(t, " headers={…} delivery-mode=2", deliver(v, wire.Properties{DeliveryMode: wire.Some[uint8](2)}))
	}
	headers := wire.Properties{DeliveryMode: wire.Some[uint8](2), Headers: wire.Table{
		{Name: "CC", Value: wire.Array{wire.String("k")}}, {Name: "a", Value: wire.Array{}}, {Name: "b", Value: wire.Bytes("by")},
		{Name: "n", Value: wire.Int8(1)}, {Name: "t", Value: wire.Table{}}, {Name: "x-a", Value: wire.Array{wire.Int32(1)}},
	}}
	require.Equal(t, " headers={b=(2 bytes) n=1 …} delivery-mode=2", deliver(version.V310, headers))
	require.Equal(t, ` headers={CC=["k"] b="by" n=1 x-a=[1] …} delivery-mode=2`, deliver(version.V40, headers))
}

func TestAStreamKeepsOnlySoMuch(t *testing.T) {
	w := newWorld(t, version.V40, queue.Stream, table{
		"x-max-length-bytes": wire.Int32(2000), "x-stream-max-segment-size-bytes": wire.Int32(1000),
	})
	late := w.consume("late", 1, from(queue.Offset{From: queue.FromFirst}))
	for i := range 60 {
		w.publish(fmt.Sprintf("%0100d", i))
		require.LessOrEqual(t, w.Ready(), 12)
	}
	require.GreaterOrEqual(t, w.Ready(), 4)
	w.saw()
	first := w.read(wire.String("first"))
	require.NotContains(t, first, fmt.Sprintf("%0100d", 0))
	require.Contains(t, first, fmt.Sprintf("%0100d", 59))
	w.ack(fmt.Sprintf("%0100d", 0))
	require.Contains(t, w.saw(), first[:100], "a reader of what is gone goes on with the first that is there")
	require.Equal(t, 1, late.Unacked())
	bytes, _ := w.Bytes()
	require.Equal(t, int64(100*w.Ready()), bytes)
}

func TestAStreamForgetsWhatIsOld(t *testing.T) {
	w := newWorld(t, version.V40, queue.Stream, table{"x-max-age": wire.String("1h"), "x-stream-max-segment-size-bytes": wire.Int32(1)})
	w.publish("1")
	w.pass(30 * time.Minute)
	w.publish("2")
	w.pass(31 * time.Minute)
	require.Equal(t, 2, w.Ready(), "it looks when a segment is full")
	w.publish("3")
	require.Equal(t, "2 3", w.read(wire.String("first")))
	w.pass(math.MaxInt64 / 2)
	require.Equal(t, "2 3", w.read(wire.Int64(0)))
}
