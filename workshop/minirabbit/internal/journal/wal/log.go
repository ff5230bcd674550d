package wal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
)

// Log is an open log. Safe for several goroutines.
type Log struct {
	folder  string
	options Options
	lock    *folderLock
	fresh   bool

	mu       sync.Mutex // guards what follows; writing is taken before it
	room     sync.Cond  // pending has become shorter, or err or closing is set
	news     sync.Cond  // safe, err or closing has changed
	pending  []byte     // framed records, not written yet
	spare    []byte     // the buffer that was written last
	appended uint64     // how many records there have been
	wanted   uint64     // somebody waits for this one
	safe     uint64
	err      error // why nothing works any more
	closing  bool
	sealed   []segment
	compact  compaction

	writing sync.Mutex // guards what follows; of it, only the writer changes file
	file    File       // the newest segment; nil if there is none
	newest  segment
	seed    uint32
	written uint64 // the last record in the file

	kick chan struct{} // has one element if the writer has something to do
	done sync.WaitGroup
}

// Open opens the log in a folder, which it makes if need be, and gives each record there is to replay, in order; payload is
// valid during the call. A torn record at the end is cut off. It fails if another process uses the folder, with an error
// that wraps ErrLocked; with a *CorruptError if a file is damaged or replay returns an error; and if the folder cannot be
// read and written.
func Open(folder string, o Options, replay func(payload []byte) error) (*Log, error) {
	o.setDefaults()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockFolder(folder)
	if err != nil {
		return nil, err
	}
	l := &Log{folder: folder, options: o, lock: lock, kick: make(chan struct{}, 1)}
	l.room.L, l.news.L = &l.mu, &l.mu
	if err := l.open(replay); err != nil {
		return nil, errors.Join(err, lock.release())
	}
	l.done.Add(1)
	go l.write()
	return l, nil
}

func (l *Log) open(replay func(payload []byte) error) error {
	segments, err := list(l.folder)
	if err != nil {
		return err
	}
	l.fresh = len(segments) == 0
	replay = refusing(replay)
	for i, s := range segments {
		if i < len(segments)-1 {
			err = readSealed(l.folder, s, replay)
		} else {
			segments[i].size, err = readNewest(l.folder, s, replay)
		}
		if err != nil {
			return err
		}
	}
	next := uint64(1)
	if n := len(segments); n > 0 {
		last := segments[n-1]
		next = last.last + 1
		if last.size <= int64(headerSize) && last.first == last.last { // nothing in it
			if err := os.Remove(filepath.Join(l.folder, last.name())); err != nil {
				return err
			}
			segments, next = segments[:n-1], last.first
		}
	}
	if err := l.begin(next); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sealed = segments
	l.compactSoon()
	return nil
}

// begin makes a new segment the newest. The caller has l.writing, or is alone.
func (l *Log) begin(number uint64) error {
	s := segment{first: number, last: number, size: int64(headerSize)}
	file, err := l.options.Create(filepath.Join(l.folder, s.name()))
	if err != nil {
		return fmt.Errorf("begin a segment: %w", err)
	}
	seed := rand.Uint32()
	_, err = file.Write(appendHeader(nil, seed))
	if err := errors.Join(err, file.Sync(), syncFolder(l.folder)); err != nil {
		return fmt.Errorf("begin a segment: %w", errors.Join(err, file.Close()))
	}
	l.file, l.newest, l.seed = file, s, seed
	return nil
}

// Fresh tells whether there was no log in the folder before.
func (l *Log) Fresh() bool { return l.fresh }

// Start begins to tell s what is safe, from a goroutine that ends with Close. It is called once, or never.
func (l *Log) Start(s Sink) {
	l.done.Add(1)
	go l.tell(s)
}

// tell tells s the newest there is, until the log is closed.
func (l *Log) tell(s Sink) {
	defer l.done.Done()
	told, failed := uint64(0), false
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch safe, err := l.safe, l.err; {
		case safe > told:
			told = safe
			l.mu.Unlock()
			s.Safe(safe)
			l.mu.Lock()
		case err != nil && !failed:
			failed = true
			l.mu.Unlock()
			s.Failed(err)
			l.mu.Lock()
		case l.closing && l.settled():
			return
		default:
			l.news.Wait()
		}
	}
}

// settled tells whether there is nothing more to bring to the disk. The caller has l.mu.
func (l *Log) settled() bool { return l.safe == l.appended || l.err != nil }

// Close brings all records to the disk, tells the sink, ends all goroutines of the log and frees the folder. What is
// appended afterwards is thrown away. The error says what was not brought to the disk, and why; it repeats an earlier
// failure.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		return nil
	}
	l.closing, l.wanted = true, l.appended
	l.mu.Unlock()
	l.room.Broadcast()
	l.news.Broadcast()
	l.wake()
	l.done.Wait()

	var err error
	if l.err != nil {
		err = fmt.Errorf("%d of %d records are not on disk: %w", l.appended-l.safe, l.appended, l.err)
	}
	if l.file != nil {
		err = errors.Join(err, l.file.Close())
	}
	return errors.Join(err, l.lock.release())
}

// Fail ends everything but Close, as a disk that fails does. It is for a user who has something to append and cannot.
func (l *Log) Fail(err error) {
	l.mu.Lock()
	if l.err == nil {
		l.err = err
	}
	l.pending = nil
	l.mu.Unlock()
	l.room.Broadcast()
	l.news.Broadcast()
}
