package routing

import (
	"fmt"
	"slices"

	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/wire"
)

// The headers in which a publisher gives further routing keys (sender-selected): lists of texts.
const (
	carbonCopy      = "CC"
	blindCarbonCopy = "BCC"
)

// ExtraKeys returns the routing keys in the headers CC and BCC, and nil if there are none. Entries that are no text are
// passed over. The error is a Refusal: such a header that is no list.
func ExtraKeys(headers wire.Table) (more []string, err error) {
	for _, name := range [...]string{carbonCopy, blindCarbonCopy} {
		value, ok := headers.Get(name)
		if !ok {
			continue
		}
		keys, ok := value.(wire.Array)
		if !ok {
			return nil, Refusal(fmt.Sprintf("invalid message: {unacceptable_type_in_header,%q,%s}", name, field.TypeName(value)))
		}
		for _, key := range keys {
			if text, ok := key.(wire.String); ok {
				more = append(more, string(text))
			}
		}
	}
	return more, nil
}

// WithoutBCC returns headers without BCC, which no consumer may see: headers itself if it has none, else a copy. The
// caller puts it into the message before any queue gets it.
func WithoutBCC(headers wire.Table) wire.Table {
	isBCC := func(f wire.Field) bool { return f.Name == blindCarbonCopy }
	if !slices.ContainsFunc(headers, isBCC) {
		return headers
	}
	return slices.DeleteFunc(slices.Clone(headers), isBCC)
}
