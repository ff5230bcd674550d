package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/04-dlx/demo/stage"
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

// tried is what one way came to, with a pause for order-7 and one for order-8.
func tried(t *testing.T, name string, long, short time.Duration) (result, string) {
	t.Helper()
	use(t)
	s, err := stage.Open(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for _, w := range ways {
		if w.name == name {
			r, err := w.try(t.Context(), s, map[string]time.Duration{"order-7": long, "order-8": short})
			require.NoError(t, err)
			return r, s.Name
		}
	}
	t.Fatalf("no way is called %q", name)
	return result{}, ""
}

func TestRequeuedOrdersAreDroppedByRabbitMQ4(t *testing.T) {
	r, name := tried(t, "requeue at once", 2*time.Second, 2*time.Second)
	require.Contains(t, r.done, "order-9")
	if strings.Contains(name, " 3.") {
		require.Len(t, r.done, 3, "no limit: they go round until they can be done")
		return
	}
	require.Len(t, r.done, 1, "the others are gone")
	require.Equal(t, 1+2*21, r.deliveries, "20 more than the first")
}

func TestSleepHoldsUpTheGoodOrder(t *testing.T) {
	r, _ := tried(t, "sleep in the handler", time.Second, 20*time.Millisecond)
	require.Len(t, r.done, 3)
	require.Greater(t, r.done["order-9"], r.done["order-8"])
	require.Greater(t, r.done["order-8"], r.done["order-7"])
}

func TestOneQueueHoldsUpTheShortPause(t *testing.T) {
	r, _ := tried(t, "one queue, own TTL each", time.Second, 20*time.Millisecond)
	require.Len(t, r.done, 3)
	require.Greater(t, r.done["order-8"], r.done["order-7"])
}

func TestAQueuePerStepHoldsUpNone(t *testing.T) {
	r, _ := tried(t, "a queue per step", time.Second, 20*time.Millisecond)
	require.Len(t, r.done, 3)
	require.Less(t, r.done["order-8"], r.done["order-7"])
	require.Less(t, r.done["order-9"], r.done["order-7"])
}

func TestATableOfAllWays(t *testing.T) {
	l := use(t)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-pause", "200ms"}, &out, io.Discard))
	for _, w := range ways {
		require.Contains(t, out.String(), "\n"+w.name)
	}
	out.Reset()
	require.NoError(t, run(t.Context(), []string{"-pause", "100ms", "-way", "steps"}, &out, io.Discard))
	require.Contains(t, out.String(), "a queue per step")
	require.NotContains(t, out.String(), "requeue")
	require.False(t, l.Exists(orders), "it cleans up")
	require.False(t, l.Exists(wait), "it cleans up")
}

func TestNonsenseIsRefused(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), []string{"-pause", "1ms"}, io.Discard, io.Discard), "at least")
	require.ErrorContains(t, run(t.Context(), []string{"-way", "pray"}, io.Discard, io.Discard), "requeue, sleep, ttl, steps")
}

func TestCtrlCEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, run(ctx, nil, io.Discard, io.Discard))
}
