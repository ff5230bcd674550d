package minirabbit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"warren.example/workshop/minirabbit/internal/protocol"
)

// Event is something that happened to the broker: a line of its log.
type Event struct {
	Time time.Time // by the broker's clock
	// Kind is one of "connection opened", "connection closed", "connection failed" (somebody came who did not get in),
	// "connection blocked", "channel closed with an error", "alarm", "started", "stopped", "killed", "paused", "resumed",
	// "time advanced".
	Kind       string
	Connection string // "127.0.0.1:51234 -> 127.0.0.1:5672"; empty if the whole broker is meant
	Channel    uint16 // 0 if the whole connection is meant
	Text       string // for people: why
}

// String is the event in one line, without the time.
func (e Event) String() string {
	line := e.Kind
	if e.Connection != "" {
		line += " (" + e.Connection + ")"
	}
	if e.Text != "" {
		line += ": " + e.Text
	}
	return line
}

// remembered is how many events the log keeps: the last ones.
const remembered = 1000

// diary has the last events.
type diary struct {
	logger *slog.Logger // nil: none

	mu   sync.Mutex // guards what follows
	ring []Event
	next int // where the next event goes, once the ring is full
}

func (d *diary) add(e Event) {
	d.mu.Lock()
	if len(d.ring) < remembered {
		d.ring = append(d.ring, e)
	} else {
		d.ring[d.next] = e
		d.next = (d.next + 1) % remembered
	}
	d.mu.Unlock()
	if d.logger != nil {
		d.logger.LogAttrs(context.Background(), slog.LevelInfo, e.Kind,
			slog.String("connection", e.Connection), slog.Int("channel", int(e.Channel)), slog.String("text", e.Text))
	}
}

func (d *diary) events() []Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Event, 0, len(d.ring))
	all = append(all, d.ring[d.next:]...)
	return append(all, d.ring[:d.next]...)
}

// Log returns the last 1,000 events, the oldest first.
func (s *Server) Log() []Event { return s.diary.events() }

// note adds an event about the whole broker.
func (s *Server) note(kind, text string) {
	s.diary.add(Event{Time: s.broker.Clock().Now(), Kind: kind, Text: text})
}

// recorded adds an event about a connection.
func (s *Server) recorded(e protocol.Event) {
	s.diary.add(Event{
		Time: s.broker.Clock().Now(), Kind: string(e.Kind), Connection: e.Connection, Channel: e.Channel, Text: e.Text,
	})
}
