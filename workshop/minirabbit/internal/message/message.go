// Package message has the message as the broker keeps it: where it was published, its properties and its body. It knows
// no queue and no exchange.
package message

import (
	"slices"

	"warren.example/workshop/wire"
)

// Message is what was published. It is never changed once a queue or a channel has seen it: many queues and deliveries
// share one. What looks like a change returns a new Message, which shares the body.
type Message struct {
	// Exchange and RoutingKey are what basic.deliver tells the consumer: where the message was published last, by a
	// client or by dead-lettering.
	Exchange   string
	RoutingKey string
	// More are further routing keys, those of the headers CC and BCC (rabbitmq.com/docs/sender-selected). The last Hidden of
	// them are from BCC: nobody is told of them, and the header is gone.
	More   []string
	Hidden int
	// Properties are as the publisher sent them, but for headers that the broker added or took away.
	Properties wire.Properties
	Body       []byte
	// Deaths tells where the broker dead-lettered the message, the latest first, as the header x-death has it; nil if it
	// never did. What a client puts into that header does not come here.
	Deaths wire.Array
	// Failures is how often a quorum queue delivered the message in vain before it was dead-lettered. Since 4.0 the next quorum
	// queue counts on from there.
	Failures int64
}

// Persistent tells whether the delivery mode is 2. A message without a delivery mode is transient
// (rabbitmq.com/docs/publishers#message-properties).
func (m *Message) Persistent() bool {
	return m.Properties.DeliveryMode != nil && *m.Properties.DeliveryMode == 2
}

// Size is the number of bytes of the body: what max-length-bytes counts (rabbitmq.com/docs/maxlength).
func (m *Message) Size() int { return len(m.Body) }

// Header returns the header called name. Of several with the name, the first counts.
func (m *Message) Header(name string) (wire.Value, bool) { return m.Properties.Headers.Get(name) }

// WithHeader returns the message with the header called name set to v: in its old place if there was one, else at the end.
func (m *Message) WithHeader(name string, v wire.Value) *Message {
	headers := slices.Clone(m.Properties.Headers)
	i := slices.IndexFunc(headers, func(f wire.Field) bool { return f.Name == name })
	if i >= 0 {
		headers[i].Value = v
	} else {
		headers = append(headers, wire.Field{Name: name, Value: v})
	}
	return m.WithHeaders(headers)
}

// WithoutHeader returns the message without any header called name, and the message itself if it has none.
func (m *Message) WithoutHeader(name string) *Message {
	if _, ok := m.Header(name); !ok {
		return m
	}
	headers := slices.DeleteFunc(slices.Clone(m.Properties.Headers), func(f wire.Field) bool { return f.Name == name })
	return m.WithHeaders(headers)
}

// WithHeaders returns the message with these headers instead of its own. The table must not be changed any more.
func (m *Message) WithHeaders(headers wire.Table) *Message {
	changed := *m
	changed.Properties.Headers = headers
	return &changed
}

// WithoutExpiration returns the message without the property expiration, and the message itself if it has none.
func (m *Message) WithoutExpiration() *Message {
	if m.Properties.Expiration == nil {
		return m
	}
	changed := *m
	changed.Properties.Expiration = nil
	return &changed
}

// RoutedTo returns the message as if it had been published to the exchange with the key, and no further keys.
func (m *Message) RoutedTo(exchange, key string) *Message {
	changed := *m
	changed.Exchange, changed.RoutingKey = exchange, key
	changed.More, changed.Hidden = nil, 0
	return &changed
}
