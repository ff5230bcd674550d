package queue

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/wire"
)

// streamed is what a consumer of a stream gets to see of m. A stream stores messages in the form of AMQP 1.0, and some headers
// don't survive that: tables and arrays, since 4.0 only those whose names don't begin with x- (and CC stays). Seen on 3.10.8
// and 4.0.5.
func (q *Queue) streamed(m *message.Message, offset int64) *message.Message {
	amqp1 := q.version.StreamsShowAMQP1()
	kept := make(wire.Table, 0, len(m.Properties.Headers)+1)
	for _, f := range m.Properties.Headers {
		switch v := f.Value.(type) {
		case wire.Table, wire.Array:
			if !amqp1 || !strings.HasPrefix(f.Name, "x-") && f.Name != "CC" {
				continue
			}
		case wire.Bytes:
			if amqp1 && isText(v) {
				f.Value = wire.String(v)
			}
		}
		kept = append(kept, f)
	}
	changed := *withHeader(m.WithHeaders(kept), "x-stream-offset", offset)
	if amqp1 && !m.Persistent() {
		changed.Properties.DeliveryMode = wire.Some[uint8](1)
	}
	return &changed
}

func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }
