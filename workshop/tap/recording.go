package tap

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"warren.example/workshop/wire"
)

// A Recording is what a tap saw, in one order over all connections. It keeps the newest events, as many as
// Config.EventLimit says. Bodies that it returns are its own: look, don't write.
type Recording struct {
	start time.Time
	limit int
	ended chan struct{} // closed with the tap

	mu      sync.Mutex           // guards what follows
	entries []entry              // a ring once it is full
	oldest  int                  // index of the oldest entry
	last    int                  // Seq of the newest entry, 0 if there is none
	waiters map[*waiter]struct{} // those who wait now
}

// entry is an Event before anybody asked: what takes time to decode is not decoded yet.
type entry struct {
	event  Event  // without Header
	name   string // event.Name()
	header []byte // payload of the content header frame, nil if the method has none
}

// waiter is one call of Wait.
type waiter struct {
	filter Filter
	wake   chan struct{} // has room for one
}

func newRecording(limit int) *Recording {
	return &Recording{
		start: time.Now(), limit: limit, ended: make(chan struct{}), waiters: map[*waiter]struct{}{},
	}
}

// All returns all events that are kept.
func (r *Recording) All() []Event { return r.Find(Filter{}) }

// Find returns the events that f means, oldest first.
func (r *Recording) Find(f Filter) []Event {
	var found []Event
	r.look(f, 1, func(e Event) bool {
		found = append(found, e)
		return true
	})
	return found
}

// First returns the oldest event that f means, and whether there is one.
func (r *Recording) First(f Filter) (first Event, ok bool) {
	r.look(f, 1, func(e Event) bool {
		first, ok = e, true
		return false
	})
	return first, ok
}

// Count returns how many events f means.
func (r *Recording) Count(f Filter) int {
	n := 0
	r.look(f, 1, func(Event) bool {
		n++
		return true
	})
	return n
}

// Wait returns the first n events that f means as soon as there are n; past ones count. If ctx ends before, or the tap is
// closed, it returns those that were seen and an error that says how many.
func (r *Recording) Wait(ctx context.Context, f Filter, n int) ([]Event, error) {
	w := &waiter{filter: f, wake: make(chan struct{}, 1)}
	r.mu.Lock()
	r.waiters[w] = struct{}{}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.waiters, w)
		r.mu.Unlock()
	}()

	var seen []Event
	next := 1
	for closed := false; ; {
		next = r.look(f, next, func(e Event) bool {
			seen = append(seen, e)
			return len(seen) < n
		})
		if len(seen) >= n {
			return seen[:max(n, 0)], nil
		}
		if closed {
			return seen, fmt.Errorf("wait for %d × %s, saw %d: %w", n, f, len(seen), ErrClosed)
		}
		select {
		case <-w.wake:
		case <-r.ended:
			closed = true // and look once more
		case <-ctx.Done():
			return seen, fmt.Errorf("wait for %d × %s, saw %d: %w", n, f, len(seen), context.Cause(ctx))
		}
	}
}

// ErrClosed says that the tap was closed while somebody waited for it.
var ErrClosed = errors.New("the tap is closed")

// Note adds a line of the caller's own to the recording and returns it as the event it became.
func (r *Recording) Note(format string, args ...any) Event {
	return r.say(aNote, 0, fmt.Sprintf(format, args...))
}

// Dropped returns how many events are no longer kept.
func (r *Recording) Dropped() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last - len(r.entries)
}

// look calls yield with each event that f means and whose Seq is at least from, until yield returns false. It returns the
// Seq at which the next look goes on.
func (r *Recording) look(f Filter, from int, yield func(Event) bool) (next int) {
	r.mu.Lock()
	next = r.last + 1
	first := next - len(r.entries)
	var candidates []entry
	for seq := max(from, first); seq < next; seq++ {
		e := &r.entries[(r.oldest+seq-first)%len(r.entries)]
		if f.fits(e) {
			candidates = append(candidates, *e)
		}
	}
	r.mu.Unlock() // Where and yield may do as they please

	for i := range candidates {
		e := candidates[i].decoded()
		if (f.Where == nil || f.Where(e)) && !yield(e) {
			break
		}
	}
	return next
}

// add numbers and dates an entry, keeps it and wakes those who wait for it.
func (r *Recording) add(e entry) Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	e.event.Seq, e.event.At = r.last, time.Since(r.start)
	if len(r.entries) < r.limit {
		r.entries = append(r.entries, e)
	} else {
		r.entries[r.oldest] = e
		r.oldest = (r.oldest + 1) % r.limit
	}
	for w := range r.waiters {
		if !w.filter.fits(&e) {
			continue
		}
		select {
		case w.wake <- struct{}{}:
		default: // it is awake and has not looked yet
		}
	}
	return e.event
}

// say adds an event that happened here.
func (r *Recording) say(k kind, conn int, text string) Event {
	return r.add(entry{event: Event{Conn: conn, From: Here, Text: text, kind: k}, name: kindNames[k]})
}

// close tells those who wait that nothing more comes.
func (r *Recording) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.ended:
	default:
		close(r.ended)
	}
}

// decoded returns the whole event.
func (e *entry) decoded() Event {
	event := e.event
	if e.header == nil {
		return event
	}
	header, err := wire.DecodeHeader(e.header)
	if err != nil {
		event.Text = err.Error()
		return event
	}
	event.Header = header
	return event
}
