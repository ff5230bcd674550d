package queue

import (
	"slices"
	"strings"
	"time"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/wire"
)

// ID names a message in its queue: the second is published after the first if its ID is higher. A journal may keep it. In a
// stream it is the offset, from 0; in other queues the first is 1.
//
// What Next delivers from a stream has an ID for the delivery, not for the message, since several consumers have the same
// message at once. It is for Ack.
type ID uint64

// Entry is a message as a consumer gets it.
type Entry struct {
	ID ID
	// Message has the headers of its delivery: x-delivery-count, x-acquired-count, x-stream-offset.
	Message     *message.Message
	Redelivered bool
}

// Delivery is a message on its way to a consumer. Until Ack, Requeue, Discard or Leave the queue keeps it, unless the
// consumer is NoAck.
type Delivery struct {
	Consumer *Consumer
	Entry
}

// Reason says why a message left its queue without having been acknowledged, as in x-death (rabbitmq.com/docs/dlx).
type Reason string

// All reasons.
const (
	Expired           Reason = "expired"
	TooMany           Reason = "maxlen"
	Rejected          Reason = "rejected"
	DeliveredTooOften Reason = "delivery_limit"
)

// Dead is a message that left its queue: it is to be dead-lettered, or forgotten if the queue has no exchange for that. ID is
// zero if the message never was in the queue. Message is as it was published, without headers of deliveries.
type Dead struct {
	ID      ID
	Message *message.Message
	Reason  Reason
}

// Return says why an unacknowledged message comes back.
type Return uint8

// All ways. A quorum queue counts them towards its delivery limit: Lost and RejectedBack always, Nacked until 4.2.
const (
	Nacked       Return = iota // basic.nack with requeue, or basic.recover
	RejectedBack               // basic.reject with requeue
	Lost                       // its channel is gone, or its consumer took too long; Leave uses it by itself
)

// entry is a message in the queue, ready or unacknowledged.
type entry struct {
	id          ID
	message     *message.Message
	expiry      time.Time // zero: never
	redelivered bool
	failures    int64 // failed deliveries, also in the queues it was dead-lettered from; 4.3's limit is for them
	returns     int64 // all deliveries that came back; the limit of earlier ones is for them
	holder      *Consumer
	seat        uint64 // while unacknowledged: the order in which the holder, or basic.get, came
}

// dead is e when it leaves the queue for a reason. Having been rejected is a failed delivery.
func (q *Queue) dead(e *entry, why Reason) Dead {
	if q.settings.Kind != Quorum || !q.version.CarriesFailures() {
		return Dead{e.id, e.message, why}
	}
	failures := e.failures
	if why == Rejected {
		failures++
	}
	if failures == e.message.Failures {
		return Dead{e.id, e.message, why}
	}
	m := *e.message
	m.Failures = failures
	return Dead{e.id, &m, why}
}

// carried is how many failed deliveries the message brings along from other queues.
func (q *Queue) carried(m *message.Message) int64 {
	if q.settings.Kind != Quorum {
		return 0
	}
	return m.Failures
}

// shown is what a consumer gets to see of e.
func (q *Queue) shown(e *entry, get bool) Entry {
	m := e.message
	if q.settings.Kind == Quorum {
		returns := e.returns
		if returns == 0 && q.version.CarriesFailures() {
			returns = e.failures // what it brought along, until it counts anew
		}
		switch {
		case q.version.AcquiredCount():
			if returns > 0 {
				m = withHeader(m, "x-acquired-count", returns)
			}
			if e.failures > 0 {
				m = withHeader(m, "x-delivery-count", e.failures)
			}
		case returns > 0 || get && q.version.CountsFirstGet():
			m = withHeader(m, "x-delivery-count", returns)
		}
	}
	return Entry{e.id, m, e.redelivered}
}

// withHeader adds a header as RabbitMQ does: then all are sorted by name.
func withHeader(m *message.Message, name string, value int64) *message.Message {
	headers := make(wire.Table, 0, len(m.Properties.Headers)+1)
	for _, f := range m.Properties.Headers {
		if f.Name != name {
			headers = append(headers, f)
		}
	}
	headers = append(headers, wire.Field{Name: name, Value: wire.Int64(value)})
	slices.SortStableFunc(headers, func(x, y wire.Field) int { return strings.Compare(x.Name, y.Name) })
	return m.WithHeaders(headers)
}
