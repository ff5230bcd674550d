package wal_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"warren.example/workshop/minirabbit/internal/journal/wal"
)

func TestMain(m *testing.M) {
	if os.Getenv(childFolder) != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

// sink is told what is safe.
type sink struct {
	mu   sync.Mutex
	cond *sync.Cond
	safe uint64
	err  error
}

func newSink() *sink {
	s := &sink{}
	s.cond = sync.NewCond(&s.mu)
	return s
}

func (s *sink) Safe(n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.safe = n
	s.cond.Broadcast()
}

func (s *sink) Failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.cond.Broadcast()
}

// wait waits until n is safe, or the log has failed.
func (s *sink) wait(n uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.safe < n && s.err == nil {
		s.cond.Wait()
	}
	return s.safe, s.err
}

// open opens the log of a test and returns what it replayed.
func open(t testing.TB, folder string, o wal.Options) (*wal.Log, []string) {
	t.Helper()
	l, got, err := try(folder, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l, got
}

func try(folder string, o wal.Options) (*wal.Log, []string, error) {
	var got []string
	l, err := wal.Open(folder, o, func(payload []byte) error {
		got = append(got, string(payload))
		return nil
	})
	return l, got, err
}

func records(from, to int) []string {
	var all []string
	for i := from; i <= to; i++ {
		all = append(all, record(i))
	}
	return all
}

// record has a length that differs from its neighbours'.
func record(i int) string { return fmt.Sprintf("%d %0*d", i, i%97+1, i) }

func appendAll(l *wal.Log, all []string) (last uint64) {
	for _, r := range all {
		last = l.Append([]byte(r))
	}
	return last
}

func files(t testing.TB, folder string) []string {
	paths, err := filepath.Glob(filepath.Join(folder, "*.wal*"))
	require.NoError(t, err)
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths
}

func TestRecordsAreReadAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "folder")
	l, got := open(t, folder, wal.Options{})
	require.Empty(t, got)
	require.True(t, l.Fresh())
	require.EqualValues(t, 100, appendAll(l, records(1, 100)))
	require.NoError(t, l.Close())
	require.NoError(t, l.Close(), "closing twice does no harm")

	l, got = open(t, folder, wal.Options{})
	require.Equal(t, records(1, 100), got)
	require.False(t, l.Fresh())
	require.EqualValues(t, 1, l.Append([]byte(record(101))), "numbers begin with each Open")
	require.NoError(t, l.Close())
	_, got = open(t, folder, wal.Options{})
	require.Equal(t, records(1, 101), got)
}

func TestOpeningManyTimesLeavesNoFiles(t *testing.T) {
	folder := t.TempDir()
	for range 5 {
		l, _ := open(t, folder, wal.Options{})
		require.NoError(t, l.Close())
	}
	require.Equal(t, []string{"0000000001-0000000001.wal"}, files(t, folder))
}

func TestSafeIsToldWhenSomebodyWaits(t *testing.T) {
	folder := t.TempDir()
	l, _ := open(t, folder, wal.Options{})
	s := newSink()
	l.Start(s)
	n := appendAll(l, records(1, 10))
	l.Flush(n)
	safe, err := s.wait(n)
	require.NoError(t, err)
	require.Equal(t, n, safe)
	n = appendAll(l, records(11, 12))
	require.NoError(t, l.Close())
	require.Equal(t, n, s.safe, "Close has told the rest")
}

func TestManyAppendAndWaitAtOnce(t *testing.T) {
	folder := t.TempDir()
	l, _ := open(t, folder, wal.Options{SegmentBytes: 4096, PendingBytes: 1000})
	s := newSink()
	l.Start(s)
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 200 {
				n := l.Append([]byte(fmt.Sprintf("%d %d", g, i)))
				if i%20 == 0 {
					l.Write()
				}
				l.Flush(n)
				if i%10 == 0 {
					_, _ = s.wait(n)
				}
			}
		})
	}
	group.Wait()
	require.NoError(t, l.Close())
	require.Greater(t, len(files(t, folder)), 3)
	_, got := open(t, folder, wal.Options{})
	require.Len(t, got, 1600)
	next := make(map[int]int)
	for _, r := range got {
		var g, i int
		_, err := fmt.Sscan(r, &g, &i)
		require.NoError(t, err)
		require.Equal(t, next[g], i, "each one's records are in order")
		next[g]++
	}
}

func TestWriteSurvivesTheProcess(t *testing.T) {
	folder := t.TempDir()
	l, _ := open(t, folder, wal.Options{})
	appendAll(l, records(1, 3))
	l.Write()
	copied := filepath.Join(t.TempDir(), "copy") // what another process would find
	require.NoError(t, os.CopyFS(copied, os.DirFS(folder)))
	_, got := open(t, copied, wal.Options{})
	require.Equal(t, records(1, 3), got)
}

func TestHugeRecord(t *testing.T) {
	folder := t.TempDir()
	huge := make([]byte, 3<<20)
	for i := range huge {
		huge[i] = byte(rand.Uint32())
	}
	l, _ := open(t, folder, wal.Options{SegmentBytes: 1000, PendingBytes: 1000})
	l.Append([]byte("before"))
	l.Append(huge)
	l.Append([]byte("behind"))
	require.NoError(t, l.Close())
	_, got := open(t, folder, wal.Options{})
	require.Equal(t, []string{"before", string(huge), "behind"}, got)
}

func TestFolderBelongsToOne(t *testing.T) {
	folder := t.TempDir()
	l, _ := open(t, folder, wal.Options{})
	_, _, err := try(folder, wal.Options{})
	require.ErrorIs(t, err, wal.ErrLocked)
	require.ErrorContains(t, err, fmt.Sprintf("folder %s is in use by process %d", folder, os.Getpid()))
	require.NoError(t, l.Close())
	open(t, folder, wal.Options{})
}

func TestReplayMayRefuse(t *testing.T) {
	folder := t.TempDir()
	l, _ := open(t, folder, wal.Options{})
	appendAll(l, records(1, 3))
	require.NoError(t, l.Close())
	_, err := wal.Open(folder, wal.Options{}, func(payload []byte) error {
		if string(payload) == record(2) {
			return fmt.Errorf("unknown record")
		}
		return nil
	})
	var damaged *wal.CorruptError
	require.ErrorAs(t, err, &damaged)
	require.Equal(t, "unknown record", damaged.Problem)
	open(t, folder, wal.Options{}) // the lock is free again
}
