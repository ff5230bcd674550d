package bus_test

import (
	"context"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/06-services/bus"
	"warren.example/06-services/events"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// park puts messages into the parked queue, as a consumer does whose handler fails.
func park(t *testing.T, l *lab.Lab, topology bus.Topology, messages []events.Message) {
	publish(t, l, messages)
	with := make(map[string]error)
	for _, m := range messages {
		with[m.Correlation] = events.ErrMalformed
	}
	before := l.Depth(parked)
	f := &failing{with: with}
	c := consumer(t, l, topology, f.Handle)
	c.URLs = []string{l.DirectURL} // no part of what a test is about
	run := l.Go("Run", c.Run)
	l.Await("all are parked", func() bool { return l.Depth(parked) == before+len(messages) })
	require.NoError(t, run.Stopped())
}

func TestListLeavesThemThere(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	sent := commands(t, 3)
	park(t, l, topology, sent)
	for range 30 { // RabbitMQ 4 drops after 20 looks what has no limit of its own
		l.Await("they are all back", func() bool { return l.Depth(parked) == 3 })
		all, err := bus.List(t.Context(), config(t, l.DirectURL), parked, 2)
		require.NoError(t, err)
		require.Len(t, all, 2)
		for i, p := range all {
			require.Equal(t, sent[i].ID, p.Delivery.MessageId)
			require.Equal(t, []any{queue, "malformed message", int64(1), int64(0)}, []any{p.Queue, p.Reason, p.Attempts, p.Replays})
		}
	}
	l.Await("they are all back", func() bool { return l.Depth(parked) == 3 })
	_, err := bus.List(t.Context(), config(t, l.DirectURL), "nobody.parked", 2)
	require.Error(t, err)
}

func TestReplay(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	sent := commands(t, 4)
	park(t, l, topology, sent)
	l.Put(events.Dead, queue, amqp.Publishing{MessageId: "nowhere"})
	l.Put(events.Dead, queue, amqp.Publishing{MessageId: "gone", Headers: amqp.Table{"queue": "inventory.old"}})

	replay := func(limit int, ids ...string) (int, []bus.Parked) {
		moved, stuck, err := bus.Replay(t.Context(), config(t, l.DirectURL), parked, limit, ids...)
		require.NoError(t, err)
		return moved, stuck
	}
	moved, stuck := replay(10, sent[2].ID)
	require.Equal(t, 1, moved)
	require.Empty(t, stuck)
	d := l.Get(queue)
	require.Equal(t, sent[2].ID, d.MessageId)
	require.Equal(t, int64(1), d.Headers["replays"])
	for _, header := range []string{"attempt", "queue", "reason", "x-death"} {
		require.NotContains(t, d.Headers, header)
	}
	l.Await("what stays is back", func() bool { return l.Depth(parked) == 5 })
	moved, _ = replay(2)
	require.Equal(t, 2, moved)
	l.Await("what stays is back", func() bool { return l.Depth(parked) == 3 })
	moved, stuck = replay(10)
	require.Equal(t, 1, moved)
	require.Len(t, stuck, 2)
	require.Equal(t, 3, l.Depth(queue))
	l.Await("what can't go back stays", func() bool { return l.Depth(parked) == 2 })

	var got handled
	run := l.Go("Run", consumer(t, l, topology, got.Handle).Run)
	l.Await("they are handled", func() bool { return len(got.messages()) == 3 })
	require.NoError(t, run.Stopped())
	for _, m := range got.messages() {
		require.Zero(t, m.Attempt)
	}
}

func TestReplayCutAtEachMethodLosesNothing(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	for step := range l.Sweep(tap.Filter{From: tap.Client}, tap.Before) {
		sent := commands(t, 2)
		park(t, l, topology, sent)
		step.Begin()
		_ = l.Do("Replay", func(ctx context.Context) error {
			_, _, err := bus.Replay(ctx, config(t, l.URL), parked, 10)
			return err
		})
		step.End()
		l.Await("all are somewhere", func() bool { return l.Depth(parked)+l.Depth(queue) >= len(sent) })
		there := make(map[string]bool)
		for _, d := range append(l.Drain(parked), l.Drain(queue)...) {
			there[d.MessageId] = true
		}
		for _, m := range sent {
			require.True(t, there[m.ID], step)
		}
	}
}
