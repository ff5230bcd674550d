package main

import (
	"bytes"
	"io"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/lab"
)

// It doesn't run in parallel: it sets the environment.
func TestEachWayToPublishIsMeasured(t *testing.T) {
	l := lab.New(t)
	t.Setenv(broker.EnvBroker, broker.ChoiceExternal)
	t.Setenv(broker.EnvAMQP, l.DirectURL)

	var stdout bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-each", "10ms", "-away", "1ms"}, &stdout, io.Discard))

	rows := regexp.MustCompile(`(?m)^(classic|quorum) +\d+ +[1-9]\d* +\d+\.\d$`).FindAllString(stdout.String(), -1)
	require.Len(t, rows, 8, stdout.String())
	require.Regexp(t, `(?m)^classic +1 .* 1\.0$`, stdout.String(), "the first is what the others are compared with")
	for _, queue := range []string{"demo.rates.classic", "demo.rates.quorum"} {
		require.False(t, l.Exists(queue), "it cleans up")
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	for _, args := range [][]string{{"-each", "0s"}, {"-away", "-1ms"}, {"-away", "near"}} {
		require.Error(t, run(t.Context(), args, io.Discard, io.Discard), args)
	}
}
