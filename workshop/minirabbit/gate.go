package minirabbit

import (
	"context"
	"net/http"
	"sync"
)

// gate stands before the management API. It holds requests back while the broker is paused, and lets none through once the
// broker ends. The zero value lets all through.
type gate struct {
	mu     sync.Mutex     // guards what follows
	held   chan struct{}  // closed when those who wait may look again; nil: nobody is held back
	locked bool           // for good
	inside sync.WaitGroup // requests that were let through and are not answered
}

// shut holds back what comes.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == nil {
		g.held = make(chan struct{})
	}
}

// open lets all through.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.release()
}

// lock turns away what comes from now on, and those who wait: a broker that dies while it is paused does nothing of what it
// was asked for meanwhile.
func (g *gate) lock() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.locked = true
	g.release()
}

// release wakes those who wait. The lock is held.
func (g *gate) release() {
	if g.held != nil {
		close(g.held)
		g.held = nil
	}
}

// enter waits until a request may go on. It returns false if it must not: the gate is locked, or ctx has ended.
func (g *gate) enter(ctx context.Context) bool {
	for {
		g.mu.Lock()
		held := g.held
		if held == nil {
			defer g.mu.Unlock()
			if !g.locked {
				g.inside.Add(1)
			}
			return !g.locked
		}
		g.mu.Unlock()
		select {
		case <-held:
		case <-ctx.Done():
			return false
		}
	}
}

// guard is next behind the gate. Who is not let through gets no answer: the connection ends.
func (g *gate) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.enter(r.Context()) {
			panic(http.ErrAbortHandler)
		}
		defer g.inside.Done()
		next.ServeHTTP(w, r)
	})
}
