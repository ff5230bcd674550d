// Package eventstest has what tests of senders and receivers need of the messages: samples of all, and the contract that a
// receiver keeps.
package eventstest

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
)

// A Sample is a message as its sender may write it.
type Sample struct {
	Case    string // "" for the main one, "deleted" for the one in product.price-changed.v1.deleted.json
	Message events.Message
}

// Samples returns the samples of the messages of these names, of all where none are given. Each has an envelope as its sender
// gives it, with an ID of its own.
func Samples(t testing.TB, names ...string) []Sample {
	t.Helper()
	var all []Sample
	for _, d := range events.All() {
		if len(names) > 0 && !slices.Contains(names, d.Name) {
			continue
		}
		prefix := fmt.Sprintf("%s.v%d", d.Name, d.Schema)
		files, err := fs.Glob(events.Documents, "testdata/"+prefix+"*.json")
		require.NoError(t, err)
		require.NotEmpty(t, files, "samples of %s", d.Name)
		for _, file := range files {
			body, err := fs.ReadFile(events.Documents, file)
			require.NoError(t, err)
			m, err := events.New(d.Payload, events.About{Service: d.From, Correlation: "sample", Now: Time, Version: 1})
			require.NoError(t, err)
			m.Body = body
			sample := strings.TrimSuffix(strings.TrimPrefix(path.Base(file), prefix), ".json")
			all = append(all, Sample{Case: strings.TrimPrefix(sample, "."), Message: m})
		}
	}
	return all
}

// Time is when the samples were sent.
var Time = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Message returns a message that says p, or ends the test.
func Message(t testing.TB, p events.Payload, a events.About) events.Message {
	t.Helper()
	if a.Now.IsZero() {
		a.Now = Time
	}
	if d, ok := events.Lookup(p.Name()); ok && a.Service == "" {
		a.Service = d.From
	}
	m, err := events.New(p, a)
	require.NoError(t, err)
	return m
}
