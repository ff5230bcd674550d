package wal_test

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/journal/wal"
)

// disk has room for so many bytes and so many syncs.
type disk struct {
	bytes, syncs atomic.Int64
}

func (d *disk) create(path string) (wal.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return &fullFile{File: file, disk: d}, err
}

type fullFile struct {
	*os.File
	disk *disk
}

func (f *fullFile) Write(b []byte) (int, error) {
	left := f.disk.bytes.Add(-int64(len(b)))
	if left >= 0 {
		return f.File.Write(b)
	}
	n, _ := f.File.Write(b[:max(0, int64(len(b))+left)]) // the part that fits, as a real disk does
	return n, syscall.ENOSPC
}

var errBroken = errors.New("the disk is broken")

func (f *fullFile) Sync() error {
	if f.disk.syncs.Add(-1) < 0 {
		return errBroken
	}
	return f.File.Sync()
}

// Whatever the disk takes, what was safe is there afterwards, in order, and nothing else pretends to be.
func TestFullDisk(t *testing.T) {
	for room := int64(0); room < 4000; room += 97 {
		d := &disk{}
		d.bytes.Store(room)
		d.syncs.Store(1 << 30)
		fails(t, d, syscall.ENOSPC)
	}
}

func TestBrokenDisk(t *testing.T) {
	for syncs := range int64(12) {
		d := &disk{}
		d.bytes.Store(1 << 30)
		d.syncs.Store(syncs)
		fails(t, d, errBroken)
	}
}

func fails(t *testing.T, d *disk, want error) {
	folder := t.TempDir()
	l, _, err := try(folder, wal.Options{SegmentBytes: 700, Create: d.create})
	if err != nil {
		require.ErrorIs(t, err, want)
		return
	}
	s := newSink()
	l.Start(s)
	var safe uint64
	for i := 1; err == nil; i++ {
		n := l.Append([]byte(record(i)))
		require.EqualValues(t, i, n)
		l.Flush(n)
		safe, err = s.wait(n)
	}
	require.ErrorIs(t, err, want)
	for range 3 {
		l.Flush(l.Append([]byte("too late")))
		l.Write()
	}
	require.ErrorIs(t, l.Close(), want)
	require.Equal(t, safe, s.safe, "nothing becomes safe afterwards")

	l, got, err := try(folder, wal.Options{})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(got), int(safe))
	require.Equal(t, records(1, len(got)), got)
	require.NoError(t, l.Close())
}
