// Package events has the messages that the services of the shop send each other. Each is described once, by its Go type and its
// line in the table (All); asyncapi.yaml, the JSON Schemas and the samples are checked against them.
package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// A Message is one message on its way: the envelope, which is the same for all, and the body, which is a Payload as JSON.
type Message struct {
	ID          string            // AMQP message-id: UUIDv7, given once, kept by every re-send
	Type        string            // AMQP type: "stock.reserve"; consumers dispatch by it
	Schema      int               // header schema-version: the version of the payload, 1 for the first
	Service     string            // AMQP app-id: who sent it
	Time        time.Time         // AMQP timestamp (whole seconds on the wire) and header sent-at (milliseconds)
	Correlation string            // AMQP correlation-id: the order that it is all about, or the user, product or parcel
	Cause       string            // header causation-id: the ID of the message that led to this one, if any
	Version     int64             // header aggregate-version: of what changed; 0 where nothing is counted
	NotAfter    time.Time         // header not-after, for commands: who gets it later refuses it. Zero: at any time
	Attempt     int               // header attempt: how often its handler has failed
	Headers     map[string]string // further headers, traceparent for one; nil is none
	Body        []byte            // JSON
}

// A Payload is what a message says. The types of this package are all that there are.
type Payload interface{ Name() string }

// About is what the envelope of a new message says besides what its payload says.
type About struct {
	Service     string    // who sends
	Correlation string    // Message.Correlation
	Cause       string    // Message.Cause
	Version     int64     // Message.Version
	NotAfter    time.Time // Message.NotAfter
	Now         time.Time // the time
}

// New makes a message with an ID of its own. It returns an error for a payload that isn't in the table.
func New(p Payload, a About) (Message, error) {
	d, ok := Lookup(p.Name())
	if !ok {
		return Message{}, fmt.Errorf("message %q is not in the table of package events", p.Name())
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Message{}, fmt.Errorf("make an id for %q: %w", p.Name(), err)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return Message{}, fmt.Errorf("write %q: %w", p.Name(), err)
	}
	return Message{ID: id.String(), Type: d.Name, Schema: d.Schema, Service: a.Service, Time: a.Now, Correlation: a.Correlation,
		Cause: a.Cause, Version: a.Version, NotAfter: a.NotAfter, Body: body}, nil
}

// ErrMalformed is what Decode's errors wrap: the message will never be understood, so it is parked and not tried again.
var ErrMalformed = errors.New("malformed message")

// Decode reads the payload of a message. It is a tolerant reader: unknown fields are fine, they come from newer senders. What
// lacks a field that the payload can't do without, is of another type or a schema that this program doesn't know is an error
// that wraps ErrMalformed.
func Decode[P Payload](m Message) (P, error) {
	var p P
	d, ok := Lookup(p.Name())
	switch {
	case !ok || m.Type != p.Name():
		return p, fmt.Errorf("%w: type %q instead of %q", ErrMalformed, m.Type, p.Name())
	case m.Schema > d.Schema:
		return p, fmt.Errorf("%w: %s has schema %d, this program knows %d", ErrMalformed, m.Type, m.Schema, d.Schema)
	}
	if err := json.Unmarshal(m.Body, &p); err != nil {
		return p, fmt.Errorf("%w: %s: %w", ErrMalformed, m.Type, err)
	}
	if v, ok := any(p).(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return p, fmt.Errorf("%w: %s: %w", ErrMalformed, m.Type, err)
		}
	}
	return p, nil
}
