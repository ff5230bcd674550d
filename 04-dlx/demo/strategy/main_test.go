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

// output is what the demo prints on a minirabbit of its own, whose clock can be put forward: a RabbitMQ tries again after three
// minutes.
func output(t *testing.T, args ...string) string {
	t.Helper()
	t.Setenv(broker.EnvBroker, broker.ChoiceMini)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), args, &out, io.Discard))
	return out.String()
}

// No time passes here, so this one runs on RabbitMQ as well.
func TestAtMostOnceLosesThemAll(t *testing.T) {
	l := lab.New(t)
	t.Setenv(broker.EnvBroker, broker.ChoiceExternal)
	t.Setenv(broker.EnvAMQP, l.DirectURL)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, io.Discard))
	require.Equal(t, len(places), strings.Count(out.String(), "LOST"), out.String())
	for _, p := range places {
		require.False(t, l.Exists(p.queue()), "it cleans up")
		require.False(t, l.Exists(p.dead()), "it cleans up")
	}
}

func TestAtLeastOnceAloneLosesThemAllToo(t *testing.T) {
	require.Contains(t, output(t, "-strategy", "at-least-once"), "0 of 3 dead letters arrived")
}

func TestAtLeastOnceWithRejectPublishKeepsThem(t *testing.T) {
	said := output(t, "-strategy", "at-least-once", "-overflow", "reject-publish")
	require.Equal(t, len(places), strings.Count(said, "kept"), said)
	require.Contains(t, said, "3 of 3 dead letters arrived")
}

func TestNonsenseIsRefused(t *testing.T) {
	for _, args := range [][]string{{"-strategy", "at-all"}, {"-overflow", "run"}} {
		require.ErrorContains(t, run(t.Context(), args, io.Discard, io.Discard), "at-least-once", args)
	}
}

func TestCtrlCEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, run(ctx, nil, io.Discard, io.Discard))
}
