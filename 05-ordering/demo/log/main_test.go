package main

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/lab"
)

func TestEachReaderGetsWhatItAsksFor(t *testing.T) {
	l := lab.New(t)
	t.Setenv(broker.EnvBroker, broker.ChoiceExternal)
	t.Setenv(broker.EnvAMQP, l.DirectURL)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, line := range []string{
		`audit +first +0 1 2 +and`,
		`figures +first +0 1 2 3 4 5 `,
		`audit +3 +3 4 5 `,
		`replay +1 +1 2 3 `,
		`screen +last +[0-4 ]*5 `, // as the chunks are
		`mail +next +6 `,
	} {
		require.Regexp(t, regexp.MustCompile(line), out.String())
	}
	require.False(t, l.Exists(stream), "it cleans up")
}

func TestCtrlCEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, run(ctx, io.Discard))
}
