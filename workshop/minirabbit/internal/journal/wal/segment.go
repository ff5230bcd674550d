package wal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	extension = ".wal"
	temporary = ".new" // of a segment that is being compacted
)

// segment is a file of the log.
type segment struct {
	first, last uint64 // the segments that it stands for
	size        int64
}

func (s segment) name() string { return fmt.Sprintf("%010d-%010d%s", s.first, s.last, extension) }

func parseName(name string) (s segment, ok bool) {
	_, err := fmt.Sscanf(strings.TrimSuffix(name, extension), "%d-%d", &s.first, &s.last)
	return s, err == nil && s.first > 0 && s.first <= s.last && s.name() == name
}

// list returns the segments of a folder in order. It deletes what a crash left over: compactions that were not finished,
// and segments that are in another one.
func list(folder string) ([]segment, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var all []segment
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), temporary) {
			if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
				return nil, err
			}
			continue
		}
		s, ok := parseName(e.Name())
		if !ok {
			continue // not ours
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		s.size = info.Size()
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b segment) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(b.last, a.last)) // of two, the one that stands for more
	})
	var kept []segment
	next := uint64(1)
	for _, s := range all {
		switch {
		case s.last < next:
			if err := os.Remove(filepath.Join(folder, s.name())); err != nil {
				return nil, err
			}
		case s.first != next:
			return nil, &CorruptError{File: filepath.Join(folder, s.name()), Problem: fmt.Sprintf("segment %d is missing before it", next)}
		default:
			kept = append(kept, s)
			next = s.last + 1
		}
	}
	return kept, nil
}

// read gives each record of a segment to f, and stops with its error. It returns where the good records end, and errTorn if
// the file goes on there.
func read(folder string, s segment, f func(payload []byte) error) (end int64, err error) {
	path := filepath.Join(folder, s.name())
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	r, err := newReader(file, path, s.size)
	if err != nil {
		return 0, err
	}
	for {
		at := r.offset
		payload, err := r.next()
		if errors.Is(err, io.EOF) {
			return r.offset, nil
		}
		if err != nil {
			return r.offset, err
		}
		if err := f(payload); err != nil {
			return at, atRecord(err, path, at)
		}
	}
}

// refusal is the error of somebody who was given a record and says that it is none.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// atRecord adds to a refusal which record it was.
func atRecord(err error, path string, offset int64) error {
	if r, ok := err.(refusal); ok {
		return &CorruptError{File: path, Offset: offset, Problem: r.Error()}
	}
	return err
}

// refusing makes the errors of f refusals.
func refusing(f func(payload []byte) error) func(payload []byte) error {
	return func(payload []byte) error {
		if err := f(payload); err != nil {
			return refusal{err}
		}
		return nil
	}
}

// readSealed reads a segment that was finished: its end cannot be torn.
func readSealed(folder string, s segment, f func(payload []byte) error) error {
	end, err := read(folder, s, f)
	if errors.Is(err, errTorn) {
		return &CorruptError{File: filepath.Join(folder, s.name()), Offset: end, Problem: "a record is not whole, and this is not the newest file"}
	}
	return err
}

// readNewest reads the segment that was written last, and cuts off what is torn. It returns the size of the rest.
func readNewest(folder string, s segment, f func(payload []byte) error) (size int64, err error) {
	end, err := read(folder, s, f)
	if !errors.Is(err, errTorn) {
		return end, err
	}
	file, err := os.OpenFile(filepath.Join(folder, s.name()), os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	return end, errors.Join(file.Truncate(end), file.Sync(), file.Close())
}
