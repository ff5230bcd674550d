package outbox

import (
	"context"
	"log/slog"
	"time"

	"warren.example/06-services/events"
)

// A Publisher publishes messages in their order and waits for the broker's answers: nil for each that RabbitMQ has confirmed
// and routed.
type Publisher interface {
	Publish(ctx context.Context, messages []events.Message) []error
}

// A Relay publishes what a box has. Several relays of one box share the work, in one program or in many.
type Relay struct {
	Box       *Box
	Publisher Publisher
	Log       *slog.Logger                     // nil: nobody reads it
	Observe   func(name string, value float64) // hears outbox.published, .failed and .trouble. nil: nobody does
	Group     int                              // how many messages are published together at most; 0 is 128
	// Poll is how often it looks for what others have left, and how long it rests after trouble; 0 is 200 ms. What this
	// program sends wakes it at once.
	Poll time.Duration
	// Timeout is how long the broker may take for a group; 0 is 15 s. After twice that, others think that this relay is dead.
	Timeout time.Duration
	// Pause is how long a message waits that RabbitMQ did not take, when that had happened so often before; nil is 100 ms,
	// doubled each time, 30 s at most.
	Pause func(attempts int) time.Duration
}

func (r Relay) withDefaults() Relay {
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if r.Observe == nil {
		r.Observe = func(string, float64) {}
	}
	if r.Group < 1 {
		r.Group = defaultGroup
	}
	if r.Poll <= 0 {
		r.Poll = defaultPoll
	}
	if r.Timeout <= 0 {
		r.Timeout = defaultTimeout
	}
	if r.Pause == nil {
		r.Pause = func(attempts int) time.Duration { return min(100*time.Millisecond<<min(attempts, 9), 30*time.Second) }
	}
	return r
}
