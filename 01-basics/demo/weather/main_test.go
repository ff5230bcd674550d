package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/lab"
)

// A screen is what a demo writes to, from several goroutines.
type screen struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// use makes the demo use the test's virtual host.
func use(t *testing.T) *lab.Lab {
	t.Helper()
	l := lab.New(t)
	t.Setenv(broker.EnvBroker, "external")
	t.Setenv(broker.EnvAMQP, l.DirectURL)
	return l
}

func TestSlowStationDelaysNobody(t *testing.T) {
	use(t)
	var out screen

	require.NoError(t, run(t.Context(), []string{"-slow", "100ms"}, &out, &out))

	answers := regexp.MustCompile(`(\w+): `).FindAllString(out.String(), -1)
	require.Len(t, answers, 7, out.String()) // "serving: " and six cities
	require.Equal(t, "Reykjavik: ", answers[6], out.String())
	require.Contains(t, out.String(), "Rome: 21 °C, sunny")
	require.Contains(t, out.String(), "Atlantis: no station there")
}

func TestServiceAnswersAnotherProcess(t *testing.T) {
	l := use(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var service, client screen
	served := make(chan error, 1)
	go func() { served <- run(ctx, []string{"-slow", "1h", "serve"}, &service, &service) }()
	l.Await("a service", func() bool { return l.Exists(queue) && l.Consumers(queue) == 1 })

	require.NoError(t, run(ctx, []string{"ask", "Lima", "Oslo"}, &client, &client))
	require.Contains(t, client.String(), "Lima: 18 °C, fog")
	require.Contains(t, client.String(), "Oslo: 4 °C, rain")

	asked := make(chan error, 1)
	go func() { asked <- run(ctx, []string{"ask", "Reykjavik"}, &client, &client) }()
	l.Await("a question on its way", func() bool { return strings.Contains(client.String(), "Reykjavik?") })
	stop() // Ctrl-C in both
	require.NoError(t, <-asked)
	require.NoError(t, <-served)
}

func TestWrongArgumentsAreExplained(t *testing.T) {
	use(t)
	var out screen
	require.ErrorContains(t, run(t.Context(), []string{"nope"}, &out, &out), `unknown command "nope"`)
	require.ErrorContains(t, run(t.Context(), []string{"ask"}, &out, &out), "ask about which city?")
	require.ErrorContains(t, run(t.Context(), []string{"-workers", "0"}, &out, &out), "-workers=0")
}
