package main

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/05-ordering/demo/stage"
	"warren.example/workshop/broker"
	"warren.example/workshop/lab"
)

// use makes the demo use the test's virtual host.
func use(t *testing.T) *lab.Lab {
	t.Helper()
	l := lab.New(t)
	t.Setenv(broker.EnvBroker, broker.ChoiceExternal)
	t.Setenv(broker.EnvAMQP, l.DirectURL)
	return l
}

func TestAllWaysButTheFirstKeepTheOrder(t *testing.T) {
	use(t)
	s, err := stage.Open(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	j := job{events: shuffled(20), work: 100 * time.Microsecond, workers: 4}
	for i, w := range ways {
		r, err := w.measure(t.Context(), s, j)
		require.NoError(t, err, w.name)
		require.Equal(t, len(j.events), r.events, w.name)
		require.Positive(t, r.rate(), w.name)
		if i > 0 {
			require.Zero(t, r.late, w.name)
		}
	}
}

func TestATableOfAllWays(t *testing.T) {
	l := use(t)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-orders", "5", "-work", "0s", "-workers", "2"}, &out, io.Discard))
	require.Contains(t, out.String(), ": 50 events of 5 orders, 0s of work each, 2 workers\n")
	for _, w := range ways {
		require.Contains(t, out.String(), "\n"+w.name)
	}
	require.False(t, l.Exists(exchange+".0"), "it cleans up")
	require.Empty(t, l.Bindings(), "it cleans up")
}

func TestEventsOfAnOrderStandInTheirOrder(t *testing.T) {
	seq := newSequence()
	for _, e := range shuffled(100) {
		require.False(t, seq.isLate(e))
	}
	require.Len(t, seq.highest, 100)
	require.True(t, seq.isLate(event{order: 7, seq: 1}))
}

func TestHeldBackUntilItsTurn(t *testing.T) {
	seq := newSequence()
	require.Empty(t, seq.hold(done{event: event{order: 7, seq: 3}}))
	require.Empty(t, seq.hold(done{event: event{order: 7, seq: 2}}))
	require.Len(t, seq.hold(done{event: event{order: 8, seq: 1}}), 1, "others don't wait")
	require.Equal(t, 2, seq.held)
	require.Len(t, seq.hold(done{event: event{order: 7, seq: 1}}), 3)
	require.Zero(t, seq.held)
}

func TestNonsenseIsRefused(t *testing.T) {
	for _, args := range [][]string{{"-work", "-1s"}, {"-workers", "0"}, {"-orders", "0"}} {
		require.ErrorContains(t, run(t.Context(), args, io.Discard, io.Discard), "at least", args)
	}
}

func TestCtrlCEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, run(ctx, nil, io.Discard, io.Discard))
}
