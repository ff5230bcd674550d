package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
)

// The stand-in's clusters have no classic queues: the demo says so, and goes on.
func TestTheStandInLosesANodeAndNoOrder(t *testing.T) {
	t.Setenv(broker.EnvBroker, broker.ChoiceMini)
	var stdout, stderr strings.Builder

	require.NoError(t, run(t.Context(), &stdout, &stderr))

	require.Contains(t, stdout.String(), "no classic queue in this cluster")
	require.Contains(t, stdout.String(), "node 2, quorum  queue: order-7\n")
	require.NotContains(t, stdout.String(), "node 2, classic")
}
