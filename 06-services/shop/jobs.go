package shop

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/cenkalti/backoff/v5"

	"warren.example/06-services/service"
)

// keep runs a job until ctx ends. When it fails or panics it is run again, after a pause that grows while it fails at once. A
// job that returns nil has done what there was to do.
func keep(ctx context.Context, log *slog.Logger, job service.Job) {
	pauses := newPauses()
	for ctx.Err() == nil {
		began := time.Now()
		err := guard(func() error { return job.Run(ctx) })
		if err == nil || ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			pauses.Reset()
		}
		pause := pauses.NextBackOff()
		log.Error("a job failed and is started again", "job", job.Name, "error", err, "pause", pause)
		wait(ctx, pause)
	}
}

// newPauses returns pauses that grow from 100 ms to 10 s, each a bit random, for ever.
func newPauses() *backoff.ExponentialBackOff {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval = 100 * time.Millisecond
	pauses.MaxInterval = 10 * time.Second
	return pauses
}

// guard turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// wait waits for a while, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
