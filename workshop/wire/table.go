package wire

import "strings"

// Table is a field table: AMQP's map from names to typed values, used for arguments, headers and capabilities. It is a
// list because the wire has an order and may repeat a name, and both are kept. AMQP 0-9-1, 4.2.5.5.
type Table []Field

// Field is one entry of a Table. Its name has at most 255 bytes.
type Field struct {
	Name  string
	Value Value
}

// MaxDepth is how deep tables and arrays may be nested. AMQP has no limit; RabbitMQ's own, the deepest being x-death,
// need four.
const MaxDepth = 64

// Get returns the value of the first field called name.
func (t Table) Get(name string) (Value, bool) {
	for _, f := range t {
		if f.Name == name {
			return f.Value, true
		}
	}
	return nil, false
}

// String gives {x-max-length=5 x-queue-type="quorum"}.
func (t Table) String() string {
	texts := make([]string, len(t))
	for i, f := range t {
		texts[i] = label(f.Name) + "=" + textOf(f.Value)
	}
	return "{" + strings.Join(texts, " ") + "}"
}
