package system_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	system "warren.example/06-services"
	"warren.example/06-services/events"
)

// Metrics and traces come with chapter 07, by hooks: the services know nothing of them.
func TestNoTelemetry(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./...").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "warren.example/06-services/shop\n")
	for path := range strings.Lines(string(out)) {
		require.NotContains(t, path, "go.opentelemetry.io")
		require.NotContains(t, path, "prometheus")
	}
}

func TestDefinitionsFitTheTableOfMessages(t *testing.T) {
	var names []string
	for _, d := range system.Services() {
		require.NotContains(t, names, d.Name)
		require.NotEmpty(t, d.About, d.Name)
		names = append(names, d.Name)
	}
	for _, d := range system.Services() {
		for _, other := range d.Calls {
			require.Contains(t, names, other, d.Name)
		}
		for _, heard := range slices.Concat(d.Hears, d.Broadcasts) {
			m, ok := events.Lookup(heard)
			require.True(t, ok && !m.Command(), "%s hears %s", d.Name, heard)
		}
	}
	for _, m := range events.All() {
		require.Contains(t, names, m.From, m.Name)
		if m.Command() {
			owner, _, _ := strings.Cut(m.Queue, ".")
			require.Contains(t, names, owner, m.Name)
		}
	}
}
