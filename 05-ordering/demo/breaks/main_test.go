package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/lab"
)

// output is what the demo prints in the test's virtual host, which it leaves as it was.
func output(t *testing.T, args ...string) string {
	t.Helper()
	l := lab.New(t)
	t.Setenv(broker.EnvBroker, broker.ChoiceExternal)
	t.Setenv(broker.EnvAMQP, l.DirectURL)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), args, &out, io.Discard))
	require.False(t, l.Exists("demo.breaks.0"), "it cleans up")
	require.Empty(t, l.Bindings(), "it cleans up")
	return out.String()
}

// handled returns what is printed of a happening: the events as they were handled, and the verdict.
func handled(t *testing.T, said, what string) string {
	t.Helper()
	_, after, ok := strings.Cut(said, what)
	require.True(t, ok, said)
	line, _, _ := strings.Cut(after, "\n")
	return strings.Join(strings.Fields(line), " ")
}

func TestQuorumQueues(t *testing.T) {
	said := output(t)
	for what, want := range map[string]string{
		"a is slow":               "b2 b3 b4 a1 BROKEN",
		"4 were sent ahead":       "1 2! 3 4 2 BROKEN",
		"is closed instead":       "1 2! 2 3 4 kept",
		"waits in a retry queue":  "1 2! 3 4 2 BROKEN",
		"on a slow line":          "2 3 4 1 BROKEN",
		"the confirm of 1":        "1 2 3 4 kept",
		"finishes what it has":    "b3 b4 a1 a2 BROKEN",
		"then closes its channel": "a1 b2 b3 b4 kept",
		"and finishes 1":          "b1 b2 b3 b4 a1 BROKEN",
		"they are emptied first":  "1 2 3 4 kept",
	} {
		require.Equal(t, want, handled(t, said, what), what)
	}
	require.Contains(t, handled(t, said, "after event 2"), "BROKEN")
	back := "1 2! 2 3 4 kept"
	if strings.HasPrefix(said, "RabbitMQ 3.") || strings.HasPrefix(said, "minirabbit 3.") { // no limit by default: to the end
		back = "1 2! 3 4 2 BROKEN"
	}
	require.Equal(t, back, handled(t, said, "one at a time"))
}

func TestClassicQueuesGiveBackToTheFront(t *testing.T) {
	said := output(t, "-type", "classic", "-only", "give back")
	require.Equal(t, "1 2! 2 3 4 kept", handled(t, said, "one at a time"))
	require.Equal(t, "1 2! 3 4 2 BROKEN", handled(t, said, "4 were sent ahead"))
	require.Equal(t, "1 2! 2 3 4 kept", handled(t, said, "is closed instead"))
	require.Contains(t, said, "1 of 3 broken")
}

func TestOrderIsThatOfSuccess(t *testing.T) {
	require.True(t, sequence{"1", "2!", "2", "b3", "a3", "4"}.inOrder(), "twice is another matter")
	require.False(t, sequence{"1", "2!", "3", "2"}.inOrder())
	require.False(t, sequence{"b2", "a1"}.inOrder())
}

func TestNonsenseIsRefused(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), []string{"-only", "moon"}, io.Discard, io.Discard),
		"workers, give back, retry, publishers, hand-over, failover, partitions")
	require.ErrorContains(t, run(t.Context(), []string{"-type", "stream"}, io.Discard, io.Discard), "quorum or classic")
}

func TestCtrlCEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, run(ctx, nil, io.Discard, io.Discard))
}
