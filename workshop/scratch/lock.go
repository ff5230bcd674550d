package scratch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrLocked is returned by Lock when another process holds the lock, or this one by an earlier Lock.
var ErrLocked = errors.New("locked by another process")

// A Held is a lock that this process holds.
type Held struct{ file *os.File }

// Lock takes the lock that a file stands for, without waiting, and makes the file when it is missing. The system gives
// the lock back when the process ends, however it ends; the file stays, and means nothing by itself.
func Lock(path string) (*Held, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := lock(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &Held{file: file}, nil
}

// waitPoll is the pause between two looks whether a lock is free.
const waitPoll = 5 * time.Millisecond

// LockWait takes the lock that a file stands for, as Lock does, and waits while another process holds it. When ctx ends
// first, the error wraps ErrLocked and ctx's.
func LockWait(ctx context.Context, path string) (*Held, error) {
	for {
		held, err := Lock(path)
		if !errors.Is(err, ErrLocked) {
			return held, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", err, context.Cause(ctx))
		case <-time.After(waitPoll):
		}
	}
}

// Unlock gives the lock back.
func (h *Held) Unlock() error {
	// To close the file is not enough: a process that is just being started holds it open too, until it has become another
	// program.
	if err := errors.Join(unlock(h.file), h.file.Close()); err != nil {
		return fmt.Errorf("unlock %s: %w", h.file.Name(), err)
	}
	return nil
}
