package wal_test

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/journal/wal"
)

// lastOfEach keeps the last record of each key: a record is "key value".
type lastOfEach map[string]int

func (f lastOfEach) Add(n int, payload []byte) error {
	key, _, _ := strings.Cut(string(payload), " ")
	f[key] = n
	return nil
}

func (f lastOfEach) Live() iter.Seq[int] { return maps.Values(f) }

// Rewrite makes the record longer, but not its meaning another.
func (f lastOfEach) Rewrite(_ int, payload []byte) []byte {
	return append(bytes.TrimRight(payload, " "), "     "...)
}

func folding() wal.Options {
	return wal.Options{SegmentBytes: 4096, NewFold: func() wal.Fold { return make(lastOfEach) }}
}

// last reduces records as lastOfEach does, for comparing.
func last(all []string) map[string]string {
	values := make(map[string]string)
	for _, r := range all {
		key, value, _ := strings.Cut(r, " ")
		values[key] = strings.TrimSpace(value)
	}
	return values
}

func TestDeadRecordsGo(t *testing.T) {
	folder := t.TempDir()
	var want []string
	for round := range 5 {
		l, got := open(t, folder, folding())
		require.Equal(t, last(want), last(got), "round %d", round)
		s := newSink()
		l.Start(s)
		for i := range 3000 {
			r := fmt.Sprintf("%d %d-%d", i%7, round, i)
			want = append(want, r)
			n := l.Append([]byte(r))
			if i%50 == 0 {
				l.Flush(n)
				_, err := s.wait(n)
				require.NoError(t, err)
			}
		}
		require.NoError(t, l.Close())
	}
	l, got := open(t, folder, folding())
	require.Equal(t, last(want), last(got))
	// Close does not wait for what makes the log shorter, so a round may have ended before it.
	require.Eventually(t, func() bool { return len(files(t, folder)) < 10 }, time.Minute, time.Millisecond, "of about 75")
	require.NoError(t, l.Close())

	l, got = open(t, folder, folding())
	require.Equal(t, last(want), last(got))
	require.Less(t, len(got), 3000, "of 15,000")
	require.NoError(t, l.Close())
}

func TestLiveRecordsAreLeftAlone(t *testing.T) {
	folder := t.TempDir()
	l, _ := open(t, folder, folding())
	s := newSink()
	l.Start(s)
	var want []string
	for i := range 2000 {
		want = append(want, fmt.Sprintf("%d x", i))
		n := l.Append([]byte(want[i]))
		if i%50 == 0 {
			l.Flush(n)
			_, err := s.wait(n)
			require.NoError(t, err)
		}
	}
	require.NoError(t, l.Close())
	_, got := open(t, folder, folding())
	require.Equal(t, want, got)
}

// A crash may leave a compaction half done. Each state it can leave is made by hand.
func TestLeftoversOfACompaction(t *testing.T) {
	folder := t.TempDir()
	for i, r := range []string{"a 1", "b 1", "a 2"} {
		l, _ := open(t, folder, wal.Options{})
		l.Append([]byte(r))
		require.NoError(t, l.Close())
		require.Len(t, files(t, folder), i+1)
	}
	compacted := written(t, []string{"b 1", "a 2"})
	name := filepath.Join(folder, "0000000001-0000000003.wal")

	require.NoError(t, os.WriteFile(name+".new", compacted[:30], 0o600))
	l, got := open(t, folder, wal.Options{})
	require.Equal(t, []string{"a 1", "b 1", "a 2"}, got)
	require.NoError(t, l.Close())
	require.NoFileExists(t, name+".new")

	require.NoError(t, os.WriteFile(name, compacted, 0o600))
	l, got = open(t, folder, wal.Options{})
	require.Equal(t, []string{"b 1", "a 2"}, got)
	l.Append([]byte("c 1"))
	require.NoError(t, l.Close())
	require.Equal(t, []string{"0000000001-0000000003.wal", "0000000004-0000000004.wal"}, files(t, folder))
	_, got = open(t, folder, wal.Options{})
	require.Equal(t, []string{"b 1", "a 2", "c 1"}, got)
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"notes.txt", "1-2.wal", "0000000009-0000000002.wal"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("mine"), 0o600))
	}
	l, got := open(t, folder, wal.Options{})
	require.Empty(t, got)
	require.NoError(t, l.Close())
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	require.Equal(t, []string{"0000000001-0000000001.wal", "0000000009-0000000002.wal", "1-2.wal", "lock", "notes.txt"}, names)
}
