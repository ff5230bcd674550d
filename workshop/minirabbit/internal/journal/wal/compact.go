package wal

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
)

// compaction is the state of making segments shorter. Sealed segments do not change, so it reads and writes beside all
// other work and without locks.
type compaction struct {
	base     int64 // the size of what the last one left, or would have left alone
	running  bool
	stopping atomic.Bool
	done     sync.WaitGroup
}

// stop ends a compaction that runs. No other one begins.
func (c *compaction) stop() {
	c.stopping.Store(true)
	c.done.Wait()
}

// compactSoon begins a compaction if it may be worth it: when there is as much again as the last one left, and a whole
// segment. So all of them together read and write no more than a few times what was appended. The caller has l.mu.
func (l *Log) compactSoon() {
	c := &l.compact
	if n := len(l.sealed); c.base == 0 && n > 0 && l.sealed[0].first != l.sealed[0].last {
		c.base = l.sealed[0].size
	}
	if l.options.NewFold == nil || c.running || c.stopping.Load() || total(l.sealed) < c.base+max(c.base, l.options.SegmentBytes) {
		return
	}
	c.running = true
	c.done.Add(1)
	go l.compaction(slices.Clone(l.sealed))
}

func total(segments []segment) (bytes int64) {
	for _, s := range segments {
		bytes += s.size
	}
	return bytes
}

// compaction makes one segment of several, if most of them is dead. What hinders it is no failure of the log, unless a
// file is damaged: there is only more to read next time.
func (l *Log) compaction(old []segment) {
	c := &l.compact
	defer c.done.Done()
	made, err := l.shorten(old)
	var damaged *CorruptError
	if errors.As(err, &damaged) {
		l.Fail(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c.running = false
	c.base = total(old)
	if err == nil && made.size > 0 {
		l.sealed = append([]segment{made}, l.sealed[len(old):]...)
		c.base = made.size
	}
}

// errStopped ends a compaction since the log is closed.
var errStopped = errors.New("stopped")

// shorten writes a segment with the live records of old and deletes old. Its size is 0 if it was not worth it.
func (l *Log) shorten(old []segment) (made segment, err error) {
	fold := l.options.NewFold()
	var sizes []uint32
	err = l.each(old, func(n int, payload []byte) error {
		sizes = append(sizes, uint32(len(payload)))
		if err := fold.Add(n, payload); err != nil {
			return refusal{err}
		}
		return nil
	})
	if err != nil {
		return segment{}, err
	}
	live := make([]uint64, len(sizes)/64+1) // a bit for each record
	made = segment{first: old[0].first, last: old[len(old)-1].last, size: int64(headerSize)}
	for n := range fold.Live() {
		if live[n/64]&(1<<(n%64)) == 0 {
			live[n/64] |= 1 << (n % 64)
			made.size += frameSize + int64(sizes[n])
		}
	}
	if made.size > total(old)/2 {
		return segment{}, nil
	}
	path := filepath.Join(l.folder, made.name())
	made.size, err = l.copy(path+temporary, old, live, fold)
	if err != nil {
		return segment{}, errors.Join(err, os.Remove(path+temporary))
	}
	if err := errors.Join(os.Rename(path+temporary, path), syncFolder(l.folder)); err != nil {
		return segment{}, err
	}
	for _, s := range old { // if this is not done, Open does it
		if s.name() != made.name() {
			_ = os.Remove(filepath.Join(l.folder, s.name()))
		}
	}
	return made, nil
}

// copy writes a segment with the live records of old and returns its size.
func (l *Log) copy(path string, old []segment, live []uint64, fold Fold) (size int64, err error) {
	file, err := l.options.Create(path)
	if err != nil {
		return 0, err
	}
	seed := rand.Uint32()
	out := bufio.NewWriterSize(file, 1<<20)
	_, err = out.Write(appendHeader(nil, seed))
	size = int64(headerSize)
	var record []byte
	err = errors.Join(err, l.each(old, func(n int, payload []byte) error {
		if live[n/64]&(1<<(n%64)) == 0 {
			return nil
		}
		record = appendFrame(record[:0], fold.Rewrite(n, payload))
		sign(record, seed)
		size += int64(len(record))
		_, err := out.Write(record)
		return err
	}))
	return size, errors.Join(err, out.Flush(), file.Sync(), file.Close())
}

// each reads sealed segments. n counts the records from 0.
func (l *Log) each(old []segment, f func(n int, payload []byte) error) error {
	n := 0
	for _, s := range old {
		err := readSealed(l.folder, s, func(payload []byte) error {
			if l.compact.stopping.Load() {
				return errStopped
			}
			n++
			return f(n-1, payload)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
