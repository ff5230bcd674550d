package eventstest

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
)

// Receives checks that a service understands what others send it: each of the types heard has a handler in h, and no other has;
// a handler takes each sample of its type, also with a field that is new to it, and refuses as malformed what lacks everything.
// Effects aren't run. A handler that asks somebody outside is given a context that has ended: what it answers then is up to it,
// as long as it isn't that the message is malformed.
func Receives(t *testing.T, h inbox.Handlers, heard ...string) {
	t.Helper()
	var handled []string
	for name := range h {
		handled = append(handled, name)
	}
	require.ElementsMatch(t, heard, handled, "the service hears one thing and handles another")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range Samples(t, heard...) {
		m := s.Message
		_, err := h[m.Type].Handle(ended, m)
		require.NotErrorIs(t, err, events.ErrMalformed, "%s %s", m.Type, s.Case)

		m.Body = append([]byte(`{"a_field_of_tomorrow":[1],`), m.Body[1:]...)
		_, err = h[m.Type].Handle(ended, m)
		require.NotErrorIs(t, err, events.ErrMalformed, "%s %s with a new field", m.Type, s.Case)

		m.Body = []byte(`{}`)
		_, err = h[m.Type].Handle(ended, m)
		require.ErrorIs(t, err, events.ErrMalformed, "%s with nothing in it", m.Type)
	}
}

// Commands returns the names of the commands that go to the queues of a service: "inventory.commands", or any that begins so.
func Commands(service string) []string {
	var names []string
	for _, d := range events.All() {
		if d.Command() && strings.HasPrefix(d.Queue, service+".") {
			names = append(names, d.Name)
		}
	}
	return names
}
