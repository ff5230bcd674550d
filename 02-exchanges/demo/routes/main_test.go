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

// use makes the demo use the test's virtual host.
func use(t *testing.T) {
	t.Helper()
	l := lab.New(t)
	t.Setenv(broker.EnvBroker, "external")
	t.Setenv(broker.EnvAMQP, l.DirectURL)
}

// routes runs the command and returns the lines below the bindings, without what only aligns them.
func routes(t *testing.T, args ...string) []string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), args, &out, &out))
	_, below, found := strings.Cut(out.String(), "\n\n")
	require.True(t, found, out.String())
	var lines []string
	for line := range strings.Lines(below) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

func TestEachTypeRoutesInItsWay(t *testing.T) {
	use(t)
	for name, want := range map[string][]string{
		"default": {"message packing mail", "demo.packing 1 ·", "demo.mail · 1", "demo.nobody · · returned: no queue"},
		"fanout":  {"message catalog-1 catalog-2 search", "kettle 1 1 1", "tea 1 1 1"},
		"direct":  {"message standard priority audit", "standard 1 · 1", "priority · 1 1", "gift · · · returned: no queue"},
		"topic": {
			"message mail books refunds audit", "user.signup 1 · · 1", "user.purchase 1 1 · 1", "user.purchase.refunded · 1 1 1",
			"user · · · 1",
		},
		"headers": {
			"message export archive audit", "format=json,type=report 1 1 ·", "format=pdf,type=report · 1 ·", "year=2026 · · 1",
			`year="2026" · · · returned: no queue`,
		},
		"news": {
			"message tea cups pots", "recall.tea.green 1 1 1", "offer.tea 1 · ·", "offer.cups · 1 1",
			"weather · · · returned: no queue",
		},
	} {
		require.Equal(t, want, routes(t, name), name)
	}
}

func TestBindingsAndMessagesOfOnesOwn(t *testing.T) {
	use(t)
	require.Equal(t, []string{"message a b", "x.y 1 1", "x · 1"}, routes(t, "-bind", "a=*.*", "-bind", "b=x.#", "-bind", "b=#", "topic", "x.y", "x"))
	require.Equal(t, []string{"message q", "n=7,m=x 1", `n="7",m=x · returned: no queue`}, routes(t, "-bind", "q=x-match=all,n=7,m=x", "headers", "n=7,m=x", `n="7",m=x`))
}

// A reader calls stop when it has seen n copies.
type reader struct {
	n    int
	stop func()
}

func (r *reader) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "1") {
		if r.n--; r.n == 0 {
			r.stop()
		}
	}
	return len(p), nil
}

func TestLoopPublishesAgainUntilAsked(t *testing.T) {
	use(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	require.NoError(t, run(ctx, []string{"-loop", "-bind", "q=k", "direct", "k"}, &reader{2, stop}, io.Discard))
	require.Error(t, ctx.Err(), "it ended before")
}

func TestWrongArgumentsAreExplained(t *testing.T) {
	use(t)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, &out))
	require.Contains(t, out.String(), "headers  format=json,type=report")
	for message, args := range map[string][]string{
		`unknown exchange type "mesh"`:          {"mesh"},
		"it takes QUEUE=KEY":                    {"-bind", "mail", "topic"},
		"RabbitMQ binds the default exchange":   {"-bind", "mail=x", "default"},
		`"json": headers are NAME=VALUE`:        {"headers", "json"},
		`"format": headers are NAME=VALUE,NAME`: {"-bind", "q=format", "headers"},
	} {
		require.ErrorContains(t, run(t.Context(), args, &out, &out), message)
	}
}
