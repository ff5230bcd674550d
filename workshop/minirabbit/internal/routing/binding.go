package routing

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"slices"
	"strings"

	"warren.example/workshop/wire"
)

// Binding lets messages flow from an exchange to a queue or to another exchange.
type Binding struct {
	Source      string // an exchange
	Destination string
	ToExchange  bool // Destination is an exchange, not a queue
	Key         string
	Arguments   wire.Table
}

// Same tells whether b and o are one binding to RabbitMQ: source, destination, key and arguments are equal. The order of
// the arguments does not count, their types do: 5 as int32 and 5 as int64 make two bindings.
func (b Binding) Same(o Binding) bool { return b.Identity() == o.Identity() }

// PropertiesKey is what the management API calls properties_key: it tells bindings between the same two ends apart and
// fits into a URL. It is "~" without key and arguments, else the key, and with arguments "~" and a hash of them; RabbitMQ
// computes the hash in another way.
func (b Binding) PropertiesKey() string {
	key := strings.ReplaceAll(url.QueryEscape(b.Key), "~", "%7E")
	switch {
	case len(b.Arguments) > 0:
		sum := sha256.Sum256(canonical(b.Arguments))
		return key + "~" + base64.RawURLEncoding.EncodeToString(sum[:16])
	case key == "":
		return "~"
	}
	return key
}

// Identity is some text that is equal for two bindings if and only if they are the same.
func (b Binding) Identity() string {
	id := make([]byte, 0, 16+len(b.Source)+len(b.Destination)+len(b.Key))
	for _, part := range []string{b.Source, b.Destination, b.Key} {
		id = binary.AppendUvarint(id, uint64(len(part)))
		id = append(id, part...)
	}
	if b.ToExchange {
		id = append(id, 'e')
	} else {
		id = append(id, 'q')
	}
	if len(b.Arguments) > 0 {
		id = append(id, canonical(b.Arguments)...)
	}
	return string(id)
}

// canonical returns bytes that are equal for equal arguments.
func canonical(t wire.Table) []byte {
	sorted := slices.Clone(t)
	slices.SortStableFunc(sorted, func(a, b wire.Field) int { return strings.Compare(a.Name, b.Name) })
	data, err := wire.AppendMethod(nil, &wire.QueueUnbind{Arguments: plain(sorted).(wire.Table)})
	if err != nil { // nothing that came over the wire
		return []byte(sorted.String())
	}
	return data
}

// plain returns v with the letter of the specification for a 64-bit integer replaced by RabbitMQ's: to RabbitMQ both are
// the same type.
func plain(v wire.Value) wire.Value {
	switch v := v.(type) {
	case wire.Int64L:
		return wire.Int64(v)
	case wire.Array:
		return wire.Array(mapped(v, plain))
	case wire.Table:
		return wire.Table(mapped(v, func(f wire.Field) wire.Field { return wire.Field{Name: f.Name, Value: plain(f.Value)} }))
	}
	return v
}

func mapped[T any](list []T, f func(T) T) []T {
	out := make([]T, len(list))
	for i, e := range list {
		out[i] = f(e)
	}
	return out
}
