package vhost

import (
	"time"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/wire"
)

// Journal keeps what must outlive the process. The journal package implements it; the broker has one for all its hosts.
type Journal interface {
	// Append puts e behind all events before it and returns its number; numbers rise. Events about things (declared,
	// bound, deleted…) are handed to the operating system before Append returns; events about messages may wait in memory
	// until Flush. Append keeps e.Message but not e. It is called with a host's lock held and must not call the host.
	Append(e *Event) uint64
	// Flush says that somebody waits for event n. It returns at once. The journal brings everything up to n to the disk and
	// then has Host.Safe called with the highest number that is safe, from a goroutine of its own; or, if it can't, Host.Failed.
	Flush(n uint64)
}

// EventKind says what an Event tells.
type EventKind uint8

// All kinds, with the fields of Event that they use beside Host.
const (
	ExchangeDeclared EventKind = iota + 1 // Exchange
	ExchangeDeleted                       // Exchange
	Bound                                 // Binding
	Unbound                               // Binding; each one that goes with a queue or an exchange too
	QueueDeclared                         // Queue, Declare
	QueueDeleted                          // Queue, with all its messages
	Stored                                // Queue, ID, Message and what follows it in Event: to the end of the queue
	Removed                               // Queue, ID: acknowledged, expired, dead-lettered, purged, over a limit
	Purged                                // Queue: a Removed for each message follows, so this may be ignored
	Delivered                             // Queue, ID: given to a consumer, now unacknowledged. Nobody waits for this one
	Requeued                              // Queue, ID, DeliveryCount (1 if it counts as failed, else 0): came back from a consumer
	Doubted                               // Queue: all its messages count as redelivered
)

// Event is one change of what outlives the process. Only durable exchanges, durable queues and bindings between durable
// things are told, and messages only when they outlive a restart: the persistent ones of a durable classic queue, all of
// quorum queues and streams. The end of other things and messages may be told too; the journal passes over what it doesn't
// know.
type Event struct {
	Kind     EventKind
	Host     string
	Exchange routing.Exchange
	Binding  routing.Binding
	Queue    string
	Declare  *wire.QueueDeclare
	ID       uint64           // of the message in its queue; unique in the queue's life
	Message  *message.Message // the same pointer in one event after the other when a message goes to many queues

	// The state of the message, for Stored. All zero when it was just published, but the times.
	Redelivered   bool
	DeliveryCount int64
	AcquiredCount int64
	Expiry        time.Time // zero: never
	StoredAt      time.Time
}
