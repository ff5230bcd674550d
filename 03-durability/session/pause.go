package session

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstPause = 100 * time.Millisecond
	maxPause   = 30 * time.Second
)

// Pause waits before a try, as 01/5 does: a random part of 100 ms for attempt 1, of twice as much with each attempt, of 30 s at
// most. It returns ctx's error if ctx ends first.
func Pause(ctx context.Context, attempt int) error {
	ceiling := firstPause
	for n := 1; n < attempt && ceiling < maxPause; n++ {
		ceiling *= 2
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rand.N(min(ceiling, maxPause))):
		return nil
	}
}
