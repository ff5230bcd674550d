package queue

import (
	"slices"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// filterValue is the header by which a publisher says what a filter is to look at.
const filterValue = "x-stream-filter-value"

// filter is what a consumer of a stream wants to have (rabbitmq.com/docs/streams#filtering). RabbitMQ leaves out chunks, and
// may deliver messages that were not asked for; here each message is a chunk, and none is.
type filter struct {
	values     []string
	unfiltered bool // messages without a value too
}

// parseFilter reads x-stream-filter and x-stream-match-unfiltered, as leniently as RabbitMQ. Nil: everything.
func parseFilter(v version.Version, t wire.Table) *filter {
	if !v.StreamFilters() {
		return nil
	}
	f := &filter{}
	value, _ := t.Get("x-stream-filter")
	switch value := value.(type) {
	case wire.String:
		f.values = []string{string(value)}
	case wire.Array:
		for _, one := range value {
			if text, ok := one.(wire.String); ok {
				f.values = append(f.values, string(text))
			}
		}
	default:
		return nil
	}
	unfiltered, _ := t.Get("x-stream-match-unfiltered")
	f.unfiltered = unfiltered == wire.Bool(true)
	return f
}

// wants tells whether the message passes.
func (f *filter) wants(m *message.Message) bool {
	if f == nil {
		return true
	}
	value, _ := m.Header(filterValue)
	text, ok := value.(wire.String)
	if !ok {
		return f.unfiltered
	}
	return slices.Contains(f.values, string(text))
}
