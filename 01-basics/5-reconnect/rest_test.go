package reconnect_test

import (
	"context"
	"slices"
	"sync"
)

// A rest is the Pause of the consumers of these tests. It takes no time, unless the test holds it.
type rest struct {
	mu       sync.Mutex    // guards what follows
	attempts []int         // of all calls up to now
	err      error         // what the first call returns at once
	gate     chan struct{} // one value lets one call go on; closed: all go on
}

// begin lets all calls go on at once.
func (r *rest) begin() {
	r.gate = make(chan struct{})
	close(r.gate)
}

// hold makes calls wait from now on: for as many calls of release, or the end of their context.
func (r *rest) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gate = make(chan struct{}, 1000)
}

// release lets n calls go on.
func (r *rest) release(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range n {
		r.gate <- struct{}{}
	}
}

// free lets all calls go on from now on.
func (r *rest) free() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.gate)
}

// failWith makes the first call return err. Later calls wait for the end of their context: who goes on in spite of the
// error would go on as fast as the machine can.
func (r *rest) failWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	r.gate = make(chan struct{})
}

// pause is the Pause.
func (r *rest) pause(ctx context.Context, attempt int) error {
	r.mu.Lock()
	r.attempts = append(r.attempts, attempt)
	err, gate := r.err, r.gate
	r.err = nil
	r.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case <-gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// calls returns the attempts of all calls up to now.
func (r *rest) calls() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.attempts)
}
