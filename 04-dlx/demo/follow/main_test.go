package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
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
	require.NoError(t, run(t.Context(), append(args, "-pause", "5ms"), &out, io.Discard))
	for _, q := range []string{orders, dead, retry, parked, watch} {
		require.False(t, l.Exists(q), "it cleans up: %s", q)
	}
	return out.String()
}

// station returns the lines of one station.
func station(t *testing.T, said, begin, end string) string {
	t.Helper()
	_, after, ok := strings.Cut(said, begin)
	require.True(t, ok, said)
	lines, _, _ := strings.Cut(after, end)
	return lines
}

func TestTheOrderIsSeenAtEachStation(t *testing.T) {
	said := output(t)
	for _, place := range []string{"1 demo.orders", "2 demo.dead", "3 demo.retry", "4 demo.orders", "5 demo.dead", "6 demo.parked"} {
		require.Contains(t, said, "\n"+place)
	}
	require.Contains(t, station(t, said, "3 demo.retry", "4 demo"), "demo.dead rejected 1")
	require.Contains(t, station(t, said, "4 demo.orders", "5 demo"), "demo.retry expired 1     it died in retry: its time was over")
	require.Contains(t, station(t, said, "6 demo.parked", "nobody"), "demo.orders rejected 2")
}

func TestACopyIsCountedFromOneOnRabbitMQ4(t *testing.T) {
	said := output(t, "-copy")
	count := "demo.orders rejected 1"
	if strings.HasPrefix(said, "RabbitMQ 3.") { // it read what clients wrote into x-death
		count = "demo.orders rejected 2"
	}
	require.Contains(t, station(t, said, "6 demo.parked", "nobody"), count)
}

func TestEachReasonIsReadAloud(t *testing.T) {
	entry := func(reason string, count int64) amqp.Table {
		return amqp.Table{"queue": "demo.orders", "reason": reason, "count": count}
	}
	require.Equal(t, "it died in orders: its consumer rejected it", aloud(entry("rejected", 1), true))
	require.Equal(t, "before, it died in orders, 3 times: it was delivered too often", aloud(entry("delivery_limit", 3), false))
	require.Equal(t, "it died in orders: of boredom", aloud(entry("of boredom", 1), true))
	require.NotPanics(t, func() { aloud("not a table", true) })
}

func TestNonsenseIsRefused(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), []string{"-pause", "0s"}, io.Discard, io.Discard), "a millisecond")
}

func TestCtrlCEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, run(ctx, nil, io.Discard, io.Discard))
}
