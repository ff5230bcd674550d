package wal_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/journal/wal"
)

const (
	childFolder = "WAL_TEST_FOLDER" // in the environment of a child: where it writes
	childFirst  = "WAL_TEST_FIRST"  // the number of its first record
)

// told prints what is safe, for the parent.
type told struct {
	*sink
	first int
}

func (s told) Safe(n uint64) {
	fmt.Println(s.first - 1 + int(n))
	s.sink.Safe(n)
}

// child appends records until it is killed.
func child() {
	first, err := strconv.Atoi(os.Getenv(childFirst))
	if err != nil {
		panic(err)
	}
	l, err := wal.Open(os.Getenv(childFolder), small(), func([]byte) error { return nil })
	if err != nil {
		panic(err)
	}
	s := newSink()
	l.Start(told{s, first})
	for i := first; ; i++ {
		n := l.Append([]byte(record(i)))
		switch {
		case i%7 == 0:
			l.Write()
		case i%3 == 0:
			l.Flush(n)
		}
		if n > 100 {
			if _, err := s.wait(n - 100); err != nil { // what nobody waits for is held back by the rest
				panic(err)
			}
		}
	}
}

func small() wal.Options { return wal.Options{SegmentBytes: 100_000, PendingBytes: 4096} }

// A process that is killed at any moment has on disk what it was told is safe, and of what followed a beginning.
func TestKilledProcess(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	folder, there := t.TempDir(), 0
	for round := range 30 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), childFolder+"="+folder, childFirst+"="+strconv.Itoa(there+1))
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines, safe := bufio.NewScanner(out), 0
		for range 1 + rand.IntN(40) {
			require.True(t, lines.Scan(), "the child has ended by itself")
			safe, err = strconv.Atoi(lines.Text())
			require.NoError(t, err)
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() { // what it said before it died
			if n, err := strconv.Atoi(lines.Text()); err == nil {
				safe = n
			}
		}
		_ = cmd.Wait()
		l, got, err := try(folder, small())
		require.NoError(t, err, "round %d", round)
		require.NoError(t, l.Close())
		require.GreaterOrEqual(t, len(got), safe)
		require.Equal(t, records(1, len(got)), got)
		there = len(got)
	}
	t.Logf("%d records survived 30 kills", there)
}
