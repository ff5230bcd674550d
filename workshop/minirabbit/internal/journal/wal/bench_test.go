package wal_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/journal/wal"
)

// BenchmarkAppend has up to 1,000 records wait for the disk at a time, as a publisher with a window of confirms does.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{64, 1024, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l, _ := open(b, b.TempDir(), wal.Options{})
			s := newSink()
			l.Start(s)
			payload := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				n := l.Append(payload)
				l.Flush(n)
				if n > 1000 {
					_, err := s.wait(n - 1000)
					require.NoError(b, err)
				}
			}
		})
	}
}

func BenchmarkReplay(b *testing.B) {
	folder := b.TempDir()
	l, _ := open(b, folder, wal.Options{})
	payload := make([]byte, 1000)
	const n = 100_000
	for range n {
		l.Append(payload)
	}
	require.NoError(b, l.Close())
	b.SetBytes(n * 1000)
	for b.Loop() {
		count := 0
		l, err := wal.Open(folder, wal.Options{}, func([]byte) error { count++; return nil })
		require.NoError(b, err)
		require.Equal(b, n, count)
		require.NoError(b, l.Close())
	}
}
