package bus

import (
	"fmt"
	"maps"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/06-services/events"
)

// The headers of the envelope: those of events.Message that AMQP has no property for. Numbers are int64, times are
// milliseconds since 1970.
const (
	headerSchema   = "schema-version"
	headerSentAt   = "sent-at" // AMQP's timestamp has whole seconds
	headerCause    = "causation-id"
	headerVersion  = "aggregate-version"
	headerNotAfter = "not-after"
	headerAttempt  = "attempt" // as in 04/4: how often the handler has failed
	headerQueue    = "queue"   // as in 04/4, of what failed: the queue where it did
	headerReason   = "reason"  // of what failed: why
	headerReplays  = "replays" // as in 04/6: how often it was sent back
)

// maxShort is how many bytes AMQP's short strings may have.
const maxShort = 255

// address writes a message in AMQP's terms, with the exchange and the key that its description gives.
func address(m events.Message) (outgoing, error) {
	d, ok := events.Lookup(m.Type)
	if !ok {
		return outgoing{}, fmt.Errorf("%w: there is no type %q", events.ErrMalformed, m.Type)
	}
	if m.ID == "" || m.Schema < 1 {
		return outgoing{}, fmt.Errorf("%w: %s has no id or no schema version", events.ErrMalformed, m.Type)
	}
	for _, s := range []string{m.ID, m.Service, m.Correlation} {
		if len(s) > maxShort {
			return outgoing{}, fmt.Errorf("%w: %s: %q… has %d bytes, AMQP allows %d", events.ErrMalformed, m.Type, s[:20],
				len(s), maxShort)
		}
	}
	d.Schema = m.Schema // it may be older than this program's
	return outgoing{exchange: d.Exchange(), key: d.Key(), Publishing: publishing(m)}, nil
}

// reserved tells whether a header is the envelope's, or RabbitMQ's. A message can't bring its own.
func reserved(name string) bool {
	switch name {
	case headerSchema, headerSentAt, headerCause, headerVersion, headerNotAfter, headerAttempt, "CC", "BCC":
		return true
	}
	return strings.HasPrefix(name, "x-") || len(name) > maxShort
}

// publishing writes a message in AMQP's terms.
func publishing(m events.Message) amqp.Publishing {
	headers := make(amqp.Table, len(m.Headers)+4)
	for name, value := range m.Headers {
		if !reserved(name) {
			headers[name] = value
		}
	}
	headers[headerSchema] = int64(m.Schema)
	headers[headerSentAt] = m.Time.UnixMilli()
	if m.Cause != "" {
		headers[headerCause] = m.Cause
	}
	if m.Version != 0 {
		headers[headerVersion] = m.Version
	}
	if !m.NotAfter.IsZero() {
		headers[headerNotAfter] = m.NotAfter.UnixMilli()
	}
	if m.Attempt != 0 {
		headers[headerAttempt] = int64(m.Attempt)
	}
	return amqp.Publishing{Headers: headers, ContentType: "application/json", DeliveryMode: amqp.Persistent, MessageId: m.ID,
		Type: m.Type, AppId: m.Service, CorrelationId: m.Correlation, Timestamp: m.Time, Body: m.Body}
}

// message reads a delivery. Anybody may have sent it: what can't be a message is an error that wraps events.ErrMalformed.
func message(d amqp.Delivery) (events.Message, error) {
	m := events.Message{ID: d.MessageId, Type: d.Type, Service: d.AppId, Correlation: d.CorrelationId, Time: d.Timestamp,
		Schema: 1, Body: d.Body}
	if m.ID == "" || m.Type == "" {
		return m, fmt.Errorf("%w: it has no message id or no type", events.ErrMalformed)
	}
	for name, value := range d.Headers {
		number, isNumber := integer(value)
		text, isText := value.(string)
		ok := true
		switch name {
		case headerSchema:
			m.Schema, ok = int(number), isNumber && number > 0
		case headerSentAt:
			m.Time, ok = time.UnixMilli(number), isNumber
		case headerCause:
			m.Cause, ok = text, isText
		case headerVersion:
			m.Version, ok = number, isNumber
		case headerNotAfter:
			m.NotAfter, ok = time.UnixMilli(number), isNumber
		case headerAttempt:
			m.Attempt, ok = int(number), isNumber && number >= 0
		default:
			if isText && !reserved(name) {
				if m.Headers == nil {
					m.Headers = make(map[string]string)
				}
				m.Headers[name] = text
			}
		}
		if !ok {
			return m, fmt.Errorf("%w: header %s is %v, a %T", events.ErrMalformed, name, value, value)
		}
	}
	return m, nil
}

// integer reads a number of any of the types that others write.
func integer(value any) (int64, bool) {
	switch v := value.(type) {
	case int64:
		return v, true
	case int32:
		return int64(v), true
	case int16:
		return int64(v), true
	case int8:
		return int64(v), true
	case byte:
		return int64(v), true
	}
	return 0, false
}

// again returns a delivery as it is published once more, with headers of its own. What RabbitMQ has written into them stays
// behind: by x-death RabbitMQ 3 drops what comes again to where it died. So do CC, which would send copies to others, the
// expiration, and the user id, which RabbitMQ takes from that user only.
func again(d amqp.Delivery) amqp.Publishing {
	headers := make(amqp.Table, len(d.Headers)+3)
	maps.Copy(headers, d.Headers)
	maps.DeleteFunc(headers, func(name string, _ any) bool {
		return strings.HasPrefix(name, "x-") || name == "CC" || name == "BCC"
	})
	return amqp.Publishing{Headers: headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding,
		DeliveryMode: amqp.Persistent, Priority: d.Priority, CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo,
		MessageId: d.MessageId, Timestamp: d.Timestamp, Type: d.Type, AppId: d.AppId, Body: d.Body}
}
