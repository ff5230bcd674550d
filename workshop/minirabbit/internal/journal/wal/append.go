package wal

import (
	"errors"
	"fmt"
)

// Append puts a record behind all others and returns its number: 1 for the first after Open, and so on. It keeps nothing of
// payload, which must not be empty. When Append returns, the record may still be in memory; it is written soon, but nobody
// makes sure that it is on disk before Flush. If the disk is too slow, Append waits until there is room. After a failure,
// records are counted and thrown away.
func (l *Log) Append(payload []byte) uint64 {
	l.mu.Lock()
	for len(l.pending) >= l.options.PendingBytes && l.err == nil && !l.closing {
		l.room.Wait()
	}
	if l.closing {
		n := l.appended
		l.mu.Unlock()
		return n
	}
	l.appended++
	n := l.appended
	if l.err == nil {
		l.pending = appendFrame(l.pending, payload)
	}
	l.mu.Unlock()
	l.wake()
	return n
}

// Appended returns the number of the last record.
func (l *Log) Appended() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.appended
}

// Write hands all records to the operating system: they survive the end of the process, not of the machine.
func (l *Log) Write() {
	l.writing.Lock()
	err := l.drain()
	l.writing.Unlock()
	if err != nil {
		l.Fail(err)
	}
}

// Flush says that somebody waits for record n. It returns at once; Sink.Safe follows.
func (l *Log) Flush(n uint64) {
	l.mu.Lock()
	l.wanted = max(l.wanted, n)
	l.mu.Unlock()
	l.wake()
}

func (l *Log) wake() {
	select {
	case l.kick <- struct{}{}:
	default: // it is awake already
	}
}

// write is the writer: it writes what is pending and, if somebody waits, brings it to the disk. Meanwhile the next group
// gathers.
func (l *Log) write() {
	defer l.done.Done()
	for range l.kick {
		if err := l.step(); err != nil {
			l.Fail(err)
		}
		l.mu.Lock()
		over := l.closing && l.settled()
		l.mu.Unlock()
		if over {
			l.compact.stop()
			return
		}
	}
}

// step does what there is to do now.
func (l *Log) step() error {
	l.writing.Lock()
	err := l.drain()
	written, full := l.written, l.newest.size >= l.options.SegmentBytes
	l.writing.Unlock()
	if err != nil {
		return err
	}
	l.mu.Lock()
	failed, wanted := l.err != nil, l.wanted > l.safe
	l.mu.Unlock()
	switch {
	case failed:
		return nil
	case full:
		return l.roll()
	case wanted:
		if err := l.file.Sync(); err != nil {
			return fmt.Errorf("sync %s: %w", l.newest.name(), err)
		}
		l.announce(written)
	}
	return nil
}

// announce notes that all records up to n are on disk.
func (l *Log) announce(n uint64) {
	l.mu.Lock()
	l.safe = n
	l.mu.Unlock()
	l.news.Broadcast()
}

// drain writes what is pending. The caller has l.writing.
func (l *Log) drain() error {
	l.mu.Lock()
	if l.err != nil || l.file == nil {
		l.mu.Unlock()
		return nil
	}
	batch, upTo := l.pending, l.appended
	l.pending, l.spare = l.spare[:0], nil
	l.mu.Unlock()
	l.room.Broadcast()
	if len(batch) > 0 {
		sign(batch, l.seed)
		if _, err := l.file.Write(batch); err != nil {
			return fmt.Errorf("write %s: %w", l.newest.name(), err)
		}
		l.newest.size += int64(len(batch))
	}
	l.written = upTo
	if cap(batch) <= 2*l.options.PendingBytes { // what one huge record took is given back
		l.mu.Lock()
		l.spare = batch
		l.mu.Unlock()
	}
	return nil
}

// roll seals the newest segment and begins another one. All that was written is safe then.
func (l *Log) roll() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	sealed, file := l.newest, l.file
	l.file = nil
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("seal %s: %w", sealed.name(), err)
	}
	if err := l.begin(sealed.last + 1); err != nil {
		return err
	}
	l.mu.Lock()
	l.sealed = append(l.sealed, sealed)
	l.compactSoon()
	l.mu.Unlock()
	l.announce(l.written)
	return nil
}
