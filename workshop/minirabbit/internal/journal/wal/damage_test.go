package wal_test

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/journal/wal"
)

const first = "0000000001-0000000001.wal"

// written returns the bytes of a segment with these records.
func written(t testing.TB, all []string) []byte {
	folder := t.TempDir()
	l, _ := open(t, folder, wal.Options{})
	appendAll(l, all)
	require.NoError(t, l.Close())
	data, err := os.ReadFile(filepath.Join(folder, first))
	require.NoError(t, err)
	return data
}

// folderOf makes a folder with this one segment.
func folderOf(t testing.TB, data []byte) string {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, first), data, 0o600))
	return folder
}

func TestTornTailIsCutOff(t *testing.T) {
	whole := written(t, records(1, 5))
	for size := range len(whole) {
		folder := folderOf(t, whole[:size])
		l, got := open(t, folder, wal.Options{})
		require.Equal(t, prefixOf(t, got), got, "cut at %d", size)
		l.Append([]byte("new"))
		require.NoError(t, l.Close())
		l, again := open(t, folder, wal.Options{})
		require.Equal(t, append(got, "new"), again, "cut at %d", size)
		require.NoError(t, l.Close())
	}
}

// prefixOf returns as many of the records as there are in got.
func prefixOf(t *testing.T, got []string) []string {
	require.LessOrEqual(t, len(got), 5)
	return records(1, len(got))
}

func TestTornTailOfRubbishIsCutOff(t *testing.T) {
	whole := written(t, records(1, 5))
	for _, rubbish := range [][]byte{
		make([]byte, 5000),                        // a disk that lost power
		bytes.Repeat([]byte{0xff}, 5000),          //
		bytes.Repeat([]byte{1, 0, 0, 0}, 100_000), // looks like many short records
		written(t, records(1, 5))[20:],            // records of another segment
	} {
		_, got := open(t, folderOf(t, append(bytes.Clone(whole), rubbish[:len(rubbish)-1]...)), wal.Options{})
		require.Equal(t, records(1, 5), got)
	}
}

func TestDamageInTheMiddleIsAnError(t *testing.T) {
	whole := written(t, records(1, 5))
	const header, lastRecord = 20, 12 + 2 + 6
	for at := range len(whole) - lastRecord {
		data := bytes.Clone(whole)
		data[at] ^= 0x10
		folder := folderOf(t, data)
		_, got, err := try(folder, wal.Options{})
		require.Error(t, err, "byte %d, read %v", at, got)
		require.ErrorContains(t, err, filepath.Join(folder, first))
		var damaged *wal.CorruptError
		if at >= header {
			require.ErrorAs(t, err, &damaged)
			require.LessOrEqual(t, damaged.Offset, int64(at))
			require.Greater(t, damaged.Offset, int64(at-120))
		}
		after, err := os.ReadFile(filepath.Join(folder, first))
		require.NoError(t, err)
		require.Equal(t, data, after, "a damaged file is left as it is")
	}
}

func TestDamageOfTheLastRecordIsATornTail(t *testing.T) {
	whole := written(t, records(1, 5))
	whole[len(whole)-1] ^= 1
	_, got := open(t, folderOf(t, whole), wal.Options{})
	require.Equal(t, records(1, 4), got)
}

func TestSealedSegmentMayNotBeTorn(t *testing.T) {
	folder := t.TempDir()
	l, _ := open(t, folder, wal.Options{SegmentBytes: 1000})
	s := newSink()
	l.Start(s)
	for i := range 50 {
		n := l.Append([]byte(record(i)))
		l.Flush(n)
		_, _ = s.wait(n)
	}
	require.NoError(t, l.Close())
	all := files(t, folder)
	require.Greater(t, len(all), 2)
	path := filepath.Join(folder, all[1])
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data[:len(data)-1], 0o600))
	_, _, err = try(folder, wal.Options{})
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "not the newest")

	require.NoError(t, os.Remove(path))
	_, _, err = try(folder, wal.Options{})
	require.ErrorContains(t, err, "segment 2 is missing")
}

func TestOtherFormatsAreNamed(t *testing.T) {
	data := written(t, records(1, 1))
	binary.LittleEndian.PutUint32(data[8:], 2)
	_, _, err := try(folderOf(t, data), wal.Options{})
	require.ErrorContains(t, err, "wrong checksum")
	_, _, err = try(folderOf(t, append([]byte("something"), data...)), wal.Options{})
	require.ErrorContains(t, err, "it is no segment of a log")
}

func TestUnwritableFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("root may write everywhere: only a file in the place of the folder is tried")
	} else {
		folder := t.TempDir()
		require.NoError(t, os.Chmod(folder, 0o500))
		_, _, err := try(folder, wal.Options{})
		require.ErrorIs(t, err, fs.ErrPermission)
	}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, _, err := try(file, wal.Options{})
	require.Error(t, err)
}

func FuzzReader(f *testing.F) {
	whole := written(f, records(1, 5))
	f.Add(whole, 0, byte(0))
	f.Add(whole[:len(whole)-3], 30, byte(1))
	f.Add(whole[:25], 21, byte(0xff))
	f.Add([]byte("minirabb"), 0, byte(0))
	f.Fuzz(func(t *testing.T, data []byte, at int, flip byte) {
		data = bytes.Clone(data)
		if len(data) > 0 {
			data[uint(at)%uint(len(data))] ^= flip
		}
		folder := folderOf(t, data)
		l, got, err := try(folder, wal.Options{})
		if err != nil {
			return
		}
		l.Append([]byte("new"))
		require.NoError(t, l.Close())
		l, again, err := try(folder, wal.Options{})
		require.NoError(t, err, "what was accepted once is accepted again")
		require.Equal(t, append(got, "new"), again)
		require.NoError(t, l.Close())
	})
}
