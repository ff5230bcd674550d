package bench_test

import (
	"context"
	"sync"
	"time"

	"warren.example/06-services/events"
	"warren.example/06-services/shop"
)

// A watch sees what becomes of orders, from within: to ask for each would cost more than to handle it.
type watch struct {
	mu        sync.Mutex
	confirmed map[string]chan time.Time // by order; has the time when it was confirmed
	handled   int                       // messages
	goal      int                       // of handled
	reached   chan struct{}             // closed when it is reached
	recording bool
	sent      []events.Message // while recording
	heard     map[heard]bool   // while recording
}

// heard is a message that a service has handled.
type heard struct{ service, id string }

// newWatch returns a watch that records.
func newWatch() *watch {
	return &watch{confirmed: map[string]chan time.Time{}, recording: true, heard: map[heard]bool{}}
}

// forget ends the recording.
func (w *watch) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recording, w.sent, w.heard = false, nil, nil
}

func (w *watch) hooks() shop.Hooks {
	return shop.Hooks{
		Publish: func(_ context.Context, service string, m *events.Message) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.recording {
				w.sent = append(w.sent, *m)
			}
		},
		Consume: func(service, queue string, next shop.Handle) shop.Handle {
			return func(ctx context.Context, group []events.Message) []error {
				errs := next(ctx, group)
				w.done(service, group, errs)
				return errs
			}
		},
	}
}

// done notes that a group was handled, and committed. An order is confirmed when it knows that the money is there.
func (w *watch) done(service string, group []events.Message, errs []error) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, m := range group {
		if errs[i] != nil {
			continue
		}
		w.handled++
		if w.recording {
			w.heard[heard{service, m.ID}] = true
		}
		if service == "order" && m.Type == (events.PaymentCaptured{}).Name() {
			w.order(m.Correlation) <- now
		}
	}
	if w.goal > 0 && w.handled >= w.goal {
		w.goal = 0
		close(w.reached)
	}
}

// order returns the channel of an order. It has room for a message that comes twice.
func (w *watch) order(id string) chan time.Time {
	if w.confirmed[id] == nil {
		w.confirmed[id] = make(chan time.Time, 8)
	}
	return w.confirmed[id]
}

// await waits until an order is confirmed, and returns when that was.
func (w *watch) await(ctx context.Context, id string) (time.Time, error) {
	w.mu.Lock()
	confirmed := w.order(id)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.confirmed, id)
		w.mu.Unlock()
	}()
	select {
	case at := <-confirmed:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

// after returns a channel that is closed when so many more messages are handled.
func (w *watch) after(n int) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.goal, w.reached = w.handled+n, make(chan struct{})
	return w.reached
}
