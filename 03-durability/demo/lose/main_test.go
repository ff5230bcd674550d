package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/mini"
)

// output is what the demo prints. It skips the test where the broker must not be killed.
func output(t *testing.T, args ...string) string {
	t.Helper()
	t.Parallel()
	source, err := mini.Find(t.Context())
	require.NoError(t, err)
	defer source.Close()
	if !source.Has(broker.Breakable) {
		t.Skipf("needs a broker that may be killed; this is %s", source.Name())
	}
	var stdout bytes.Buffer
	require.NoError(t, run(t.Context(), args, &stdout, io.Discard))
	return stdout.String()
}

func TestTheCarelessLoseTheOrderEverywhere(t *testing.T) {
	said := output(t)
	require.Equal(t, len(places), strings.Count(said, " LOST "), said)
	require.Contains(t, said, "0 of 5 kept")
}

func TestTheSafeKeepIt(t *testing.T) {
	said := output(t, "-safe")
	require.Equal(t, len(places), strings.Count(said, " kept "), said)
	require.Contains(t, said, "5 of 5 kept")
}

func TestOnePlaceAlone(t *testing.T) {
	said := output(t, "-at", "consumer")
	require.Contains(t, said, "consumer")
	require.Contains(t, said, "0 of 1 kept")
}

func TestUnknownPlaceIsNamed(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(t.Context(), []string{"-at", "moon"}, io.Discard, io.Discard), "wire, exchange, broker, queue, consumer")
}

func TestCtrlCEndsIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, run(ctx, nil, io.Discard, io.Discard))
}
