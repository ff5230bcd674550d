package wal

import (
	"io"
	"iter"
	"os"
)

// Options say how a log works. All have useful zero values, except that without NewFold nothing is ever compacted.
type Options struct {
	// SegmentBytes is the size at which a segment is sealed and a new one begun. Zero: 16 MiB.
	SegmentBytes int64
	// PendingBytes is how much may wait for the disk in memory before Append waits. Zero: 8 MiB.
	PendingBytes int
	// NewFold makes what finds out which records are still needed.
	NewFold func() Fold
	// Create makes a new file to write. Nil: as os.OpenFile does. Tests put disks here that fail.
	Create func(path string) (File, error)
}

// Fold reads a log from its beginning and knows in the end which records must stay: reading only those, in their order,
// must lead to the same.
type Fold interface {
	// Add is called with each record. n rises. payload is valid during the call. An error says that it is no record.
	Add(n int, payload []byte) error
	// Live returns the numbers of those that must stay, in any order, and may repeat itself. It is called once, when all were
	// added.
	Live() iter.Seq[int]
	// Rewrite returns what record n is to be replaced by, which may be payload. It is called with each live record, in order.
	Rewrite(n int, payload []byte) []byte
}

// Sink is told what became of records. Its methods are called from a goroutine that holds no lock of the log.
type Sink interface {
	// Safe says that all records up to n are on disk. n rises.
	Safe(n uint64)
	// Failed says that nothing more will ever be safe: the disk is full, or broken. It is called once at most.
	Failed(err error)
}

// File is a file being written.
type File interface {
	io.WriteCloser
	Sync() error
}

func (o *Options) setDefaults() {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 16 << 20
	}
	if o.PendingBytes == 0 {
		o.PendingBytes = 8 << 20
	}
	if o.Create == nil {
		o.Create = func(path string) (File, error) {
			return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		}
	}
}
