// Package clock has a clock that tells real time plus an offset, and its timers. Tests move the offset; nobody has to wait
// for thirty minutes to see what happens then.
package clock

import (
	"container/heap"
	"sync"
	"time"
)

// Clock tells the time and calls functions when theirs has come. Make it with New. Safe for several goroutines.
//
// Functions run one after the other, never two at a time, in the order of their times; no lock of the clock is held
// meanwhile, so they may start and stop timers. They must not call Advance or Close.
type Clock struct {
	running sync.Mutex // held while functions run: by Advance or by the real timer

	mu     sync.Mutex // guards what follows
	offset time.Duration
	frozen time.Time // what Now tells while Advance runs functions; else zero
	timers timers
	order  uint64      // of timers for the same time
	alarm  *time.Timer // real time of the first timer
	closed bool
}

// New returns a clock that tells real time.
func New() *Clock {
	c := &Clock{}
	c.alarm = time.AfterFunc(time.Hour, c.ring)
	c.alarm.Stop()
	return c
}

// Now tells the time. It never goes back.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if !c.frozen.IsZero() {
		return c.frozen
	}
	return time.Now().Add(c.offset)
}

// Timer calls its function once when its time has come. It is made by AfterFunc.
type Timer struct {
	clock *Clock
	call  func()
	when  time.Time
	order uint64
	place int // in the heap; -1: not set
}

// AfterFunc has f called when d has passed, by Advance or by real time. With d zero or below, f is called as soon as possible,
// but never by AfterFunc itself. After Close nothing is called any more.
func (c *Clock) AfterFunc(d time.Duration, f func()) *Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &Timer{clock: c, call: f, place: -1}
	t.set(c.now().Add(d))
	return t
}

// Stop takes the call back. It returns false if the function was called, is just being called, or the timer was stopped
// before.
func (t *Timer) Stop() bool {
	c := t.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.place < 0 {
		return false
	}
	heap.Remove(&c.timers, t.place)
	return true
}

// Reset sets the timer to d from now, whether it was set or not.
func (t *Timer) Reset(d time.Duration) {
	c := t.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.place >= 0 {
		heap.Remove(&c.timers, t.place)
	}
	t.set(c.now().Add(d))
}

func (t *Timer) set(when time.Time) {
	c := t.clock
	if c.closed {
		return
	}
	c.order++
	t.when, t.order = when, c.order
	heap.Push(&c.timers, t)
	if t.place == 0 && c.frozen.IsZero() {
		c.arm()
	}
}

// arm sets the real timer for the first of the heap.
func (c *Clock) arm() {
	if len(c.timers) > 0 && !c.closed {
		c.alarm.Reset(max(0, c.timers[0].when.Sub(c.now())))
	}
}

// ring runs what is due by now.
func (c *Clock) ring() {
	c.running.Lock()
	defer c.running.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		now := c.now()
		if len(c.timers) == 0 || c.timers[0].when.After(now) {
			break
		}
		c.callFirst()
	}
	c.arm()
}

// callFirst takes the first timer from the heap and calls its function with the clock unlocked.
func (c *Clock) callFirst() {
	first := heap.Pop(&c.timers).(*Timer)
	c.mu.Unlock()
	defer c.mu.Lock()
	first.call()
}

// Advance moves the clock by d, at once. It calls the functions that become due on the way, each at its own time: Now tells
// the function that time, and a function that it sets in turn is called too if it is due before the end. When Advance
// returns, all of them have returned. A negative d moves nothing.
func (c *Clock) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	c.running.Lock()
	defer c.running.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	start := time.Now()
	at := c.now()
	end := at.Add(d)
	for len(c.timers) > 0 && !c.timers[0].when.After(end) && !c.closed {
		if when := c.timers[0].when; when.After(at) {
			at = when
		}
		c.frozen = at
		c.callFirst()
	}
	c.frozen = time.Time{}
	c.offset = end.Sub(start)
	c.arm()
}

// Close stops all timers for good and waits for a function that is being called. The clock still tells the time.
func (c *Clock) Close() {
	c.mu.Lock()
	c.closed = true
	for _, t := range c.timers {
		t.place = -1
	}
	c.timers = nil
	c.alarm.Stop()
	c.mu.Unlock()
	c.running.Lock()
	defer c.running.Unlock() // nothing runs, and nothing will
}
