package queue_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

const (
	noPrefetch = "406 PRECONDITION_FAILED - consumer prefetch count is not set for "
	internal   = "CONNECTION 541 INTERNAL_ERROR"
)

// All texts were seen on 3.10.8 and 4.0.5.
func TestConsumersAreRefusedAsByRabbitMQ(t *testing.T) {
	const q = "queue 'q' in vhost '/'"
	classic, quorum, stream := queue.Classic, queue.Quorum, queue.Stream
	global := "CONNECTION 540 NOT_IMPLEMENTED - " + q + " does not support global qos"
	for _, c := range []struct {
		kind      queue.Kind
		consumer  queue.Consumer
		arguments table
		want      [2]string // 3.10, 4.0; one for both
	}{
		{classic, queue.Consumer{Prefetch: 5, ChannelLimit: true}, nil, [2]string{"ok"}},
		{classic, queue.Consumer{Exclusive: true}, nil, [2]string{"ok"}},
		{classic, queue.Consumer{}, table{"x-stream-offset": wire.String("first")}, [2]string{wrong + "x-stream-offset" + of + kindIs + "classic_queue"}},
		{classic, queue.Consumer{}, table{"x-priority": wire.String("a")}, [2]string{wrong + "x-priority" + of + `: "expected integer, got longstr"`}},
		{classic, queue.Consumer{}, table{"x-priority": wire.Int32(-3)}, [2]string{"ok"}},
		{classic, queue.Consumer{}, table{"x-cancel-on-ha-failover": wire.Int32(1)}, [2]string{wrong + "x-cancel-on-ha-failover" + of + ": {unacceptable_type,signedint}", "ok"}},
		{classic, queue.Consumer{}, table{"x-other": wire.Int32(1)}, [2]string{"ok"}},
		{classic, queue.Consumer{}, table{"x-stream-filter": wire.String("a")}, [2]string{"ok", wrong + "x-stream-filter" + of + kindIs + "classic_queue"}},
		{quorum, queue.Consumer{Exclusive: true}, nil, [2]string{"ok"}},
		{quorum, queue.Consumer{Prefetch: 5, ChannelLimit: true}, nil, [2]string{global}},
		{quorum, queue.Consumer{}, table{"x-cancel-on-ha-failover": wire.Int32(1)}, [2]string{wrong + "x-cancel-on-ha-failover" + of + kindIs + "quorum_queue", "ok"}},
		{stream, queue.Consumer{}, nil, [2]string{noPrefetch + "'" + q + "'", noPrefetch + "stream " + q}},
		{stream, queue.Consumer{NoAck: true}, nil, [2]string{noPrefetch + "'" + q + "'", noPrefetch + "stream " + q}},
		{stream, queue.Consumer{ChannelLimit: true}, nil, [2]string{noPrefetch + "'" + q + "'", noPrefetch + "stream " + q}},
		{stream, queue.Consumer{Prefetch: 5, ChannelLimit: true}, nil, [2]string{global}},
		{stream, queue.Consumer{Prefetch: 5, NoAck: true}, nil, [2]string{
			"CONNECTION 540 NOT_IMPLEMENTED - automatic acknowledgement not supported by stream queues " + q,
			"CONNECTION 540 NOT_IMPLEMENTED - automatic acknowledgement not supported by stream " + q}},
		{stream, queue.Consumer{Prefetch: 5}, table{"x-priority": wire.Int32(1)}, [2]string{wrong + "x-priority" + of + kindIs + "stream_queue"}},
		{stream, queue.Consumer{Prefetch: 5}, table{"x-stream-offset": wire.String("abc")}, [2]string{internal}},
		{stream, queue.Consumer{Prefetch: 5}, table{"x-stream-offset": wire.Bool(true)}, [2]string{internal}},
		{stream, queue.Consumer{Prefetch: 5}, table{"x-stream-offset": wire.Float64(1.5)}, [2]string{internal}},
		{stream, queue.Consumer{Prefetch: 5}, table{"x-stream-offset": wire.String("5x")}, [2]string{wrong + "x-stream-offset" + of + `: {invalid_stream_offset_arg,{longstr,<<"5x">>}}`}},
		{stream, queue.Consumer{Prefetch: 5}, table{"x-stream-offset": wire.String("5m")}, [2]string{"ok"}},
		{stream, queue.Consumer{Prefetch: 5}, table{"x-stream-offset": wire.Int32(-1)}, [2]string{"ok"}},
		{stream, queue.Consumer{Prefetch: 5, Exclusive: true}, table{"x-stream-offset": wire.Timestamp(5)}, [2]string{"ok"}},
	} {
		for i, v := range []version.Version{version.V310, version.V40} {
			want := c.want[i]
			if want == "" {
				want = c.want[0]
			}
			w := newWorld(t, v, c.kind, nil)
			consumer, err := queue.ParseConsume(v, w.Settings(), &wire.BasicConsume{NoAck: c.consumer.NoAck, Exclusive: c.consumer.Exclusive, Arguments: arguments(c.arguments)})
			if err == nil {
				consumer.Prefetch, consumer.ChannelLimit = c.consumer.Prefetch, c.consumer.ChannelLimit
				err = w.AddConsumer(w.now, consumer)
			}
			require.Equal(t, want, told(err), "%s %s %v", v, c.kind, arguments(c.arguments))
		}
	}
}

func TestExclusiveConsumersOfClassicQueues(t *testing.T) {
	const inUse = "403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"
	add := func(w *world, exclusive bool) string {
		return told(w.AddConsumer(w.now, &queue.Consumer{Exclusive: exclusive, Prefetch: 1}))
	}
	each(t, both, func(t *testing.T, v version.Version, k queue.Kind) {
		want := inUse
		if k == queue.Quorum {
			want = "ok" // it doesn't look
		}
		w := newWorld(t, v, k, nil)
		require.Equal(t, "ok", add(w, true))
		require.Equal(t, want, add(w, false))
		require.Equal(t, want, add(w, true))
		for _, c := range w.Consumers() {
			w.Cancel(w.now, c)
		}
		require.Equal(t, "ok", add(w, false), "the exclusive one is gone")
		require.Equal(t, want, add(w, true))
		w = newWorld(t, v, k, table{"x-single-active-consumer": wire.Bool(true)})
		require.Equal(t, want, add(w, true))
		require.Equal(t, "ok", add(w, false))
	})
}

func TestWhatKindsOfQueuesRefuse(t *testing.T) {
	single := table{"x-single-active-consumer": wire.Bool(true)}
	for _, v := range versions {
		stream := newWorld(t, v, queue.Stream, nil)
		_, _, _, err := stream.Get(stream.now, false)
		require.Equal(t, "CONNECTION 540 NOT_IMPLEMENTED - basic.get not supported by stream queues queue 'q' in vhost '/'", told(err))
		_, err = stream.Purge()
		require.Equal(t, "CONNECTION 540 NOT_IMPLEMENTED - queue.purge not supported by stream queues queue 'q' in vhost '/'", told(err))
		if v == version.V310 {
			require.Equal(t, "CONNECTION 540 NOT_IMPLEMENTED - basic.nack and basic.reject not supported by stream queues queue 'q' in vhost '/'", told(stream.Settings().CheckReturn(v)))
		} else {
			require.Nil(t, stream.Settings().CheckReturn(v))
		}
		require.Nil(t, stream.Settings().CheckDelete(v, true, true))

		quorum := newWorld(t, v, queue.Quorum, single)
		_, _, _, err = quorum.Get(quorum.now, false)
		require.Equal(t, "405 RESOURCE_LOCKED - cannot obtain access to locked queue 'q' in vhost '/'. basic.get operations are not "+
			"supported by quorum queues with single active consumer", told(err))
		for flag, err := range map[string]string{"if-unused": told(quorum.Settings().CheckDelete(v, true, true)), "if-empty": told(quorum.Settings().CheckDelete(v, false, true))} {
			require.Equal(t, "CONNECTION 540 NOT_IMPLEMENTED - cannot delete queue 'q' in vhost '/'. queue.delete operations with "+flag+" flag set are not supported by quorum queues", err)
		}
		require.Nil(t, quorum.Settings().CheckDelete(v, false, false))

		classic := newWorld(t, v, queue.Classic, single)
		require.Nil(t, classic.Settings().CheckDelete(v, true, true))
		require.Nil(t, classic.Settings().CheckReturn(v))
		classic.publish("1")
		require.Equal(t, "1", classic.get(), "classic queues with a single active consumer can be asked")
	}
}
