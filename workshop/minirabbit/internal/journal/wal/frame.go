package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	magic       = "minirabb"
	version     = 1
	headerSize  = len(magic) + 12
	frameSize   = 12       // in front of each record
	searchSpace = 32 << 20 // how far behind a broken record another one is looked for
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendHeader appends the beginning of a segment.
func appendHeader(dst []byte, seed uint32) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, version)
	dst = binary.LittleEndian.AppendUint32(dst, seed)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// appendFrame appends a record without its checksums.
func appendFrame(dst, payload []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	return append(dst, payload...)
}

// sign fills in the checksums of the records in batch.
func sign(batch []byte, seed uint32) {
	for len(batch) > 0 {
		length := binary.LittleEndian.Uint32(batch)
		payload := batch[frameSize:][:length]
		binary.LittleEndian.PutUint32(batch[4:], crc32.Update(seed, castagnoli, payload))
		binary.LittleEndian.PutUint32(batch[8:], crc32.Update(seed, castagnoli, batch[:8]))
		batch = batch[frameSize+length:]
	}
}

// frame is the front of a record.
type frame struct{ length, sum uint32 }

// parseFrame reads the front of a record, and false if these bytes are none.
func parseFrame(b []byte, seed uint32) (frame, bool) {
	f := frame{length: binary.LittleEndian.Uint32(b), sum: binary.LittleEndian.Uint32(b[4:])}
	return f, crc32.Update(seed, castagnoli, b[:8]) == binary.LittleEndian.Uint32(b[8:])
}

// CorruptError says where a segment is broken in a way that no crash explains.
type CorruptError struct {
	File    string
	Offset  int64 // of the record, in bytes
	Problem string
}

// Error names the file and the offset.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s is damaged at byte %d: %s", e.File, e.Offset, e.Problem)
}

// errTorn ends the reading of a segment whose end is missing: the process died while it wrote it.
var errTorn = errors.New("torn")

// reader reads the records of one segment.
type reader struct {
	file   io.ReaderAt
	name   string
	size   int64
	seed   uint32
	offset int64  // of the next record
	window []byte // what has been read ahead
	start  int64  // its offset
}

// newReader reads the header. errTorn means that there is not even a whole one.
func newReader(file io.ReaderAt, name string, size int64) (*reader, error) {
	r := &reader{file: file, name: name, size: size, window: make([]byte, 0, 256<<10)}
	if size < int64(headerSize) {
		return nil, errTorn
	}
	h, err := r.bytes(0, headerSize)
	if err != nil {
		return nil, err
	}
	if string(h[:len(magic)]) != magic {
		return nil, &CorruptError{File: name, Problem: "it is no segment of a log"}
	}
	rest := h[len(magic):]
	if crc32.Checksum(h[:headerSize-4], castagnoli) != binary.LittleEndian.Uint32(rest[8:]) {
		return nil, &CorruptError{File: name, Problem: "its header has a wrong checksum"}
	}
	if v := binary.LittleEndian.Uint32(rest); v != version {
		return nil, fmt.Errorf("%s has format %d, this program knows format %d", name, v, version)
	}
	r.seed = binary.LittleEndian.Uint32(rest[4:])
	r.offset = int64(headerSize)
	return r, nil
}

// next returns the next record, which is valid until the next call. io.EOF is the end; errTorn says that there is no whole
// record at r.offset and none behind it; a *CorruptError that there is one behind it.
func (r *reader) next() ([]byte, error) {
	if r.offset == r.size {
		return nil, io.EOF
	}
	if r.size-r.offset < frameSize {
		return nil, errTorn
	}
	b, err := r.bytes(r.offset, frameSize)
	if err != nil {
		return nil, err
	}
	f, ok := parseFrame(b, r.seed)
	if !ok {
		return nil, r.broken("the front of a record has a wrong checksum")
	}
	if int64(f.length) > r.size-r.offset-frameSize {
		return nil, errTorn // no whole record can follow within one that is longer than the file
	}
	payload, err := r.bytes(r.offset+frameSize, int(f.length))
	if err != nil {
		return nil, err
	}
	if crc32.Update(r.seed, castagnoli, payload) != f.sum {
		return nil, r.broken("a record has a wrong checksum")
	}
	r.offset += frameSize + int64(f.length)
	return payload, nil
}

// bytes returns n bytes of the file, which are there.
func (r *reader) bytes(at int64, n int) ([]byte, error) {
	if at >= r.start && at+int64(n) <= r.start+int64(len(r.window)) {
		return r.window[at-r.start:][:n:n], nil
	}
	want := min(int64(max(n, cap(r.window))), r.size-at)
	if int64(cap(r.window)) < want {
		r.window = make([]byte, want)
	}
	r.window, r.start = r.window[:want], at
	if read, err := r.file.ReadAt(r.window, at); int64(read) < want {
		r.window = r.window[:0]
		return nil, fmt.Errorf("read %s at %d: %w", r.name, at, err)
	}
	return r.window[:n:n], nil
}

// broken decides what it means that there is no record at r.offset: if one follows, somebody has changed the file.
func (r *reader) broken(problem string) error {
	rest := make([]byte, min(searchSpace, r.size-r.offset))
	if _, err := r.file.ReadAt(rest, r.offset); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s at %d: %w", r.name, r.offset, err)
	}
	for at := 1; at+frameSize <= len(rest); at++ {
		f, ok := parseFrame(rest[at:], r.seed)
		if !ok || uint64(f.length) > uint64(len(rest)-at-frameSize) {
			continue
		}
		if crc32.Update(r.seed, castagnoli, rest[at+frameSize:][:f.length]) == f.sum {
			return &CorruptError{File: r.name, Offset: r.offset, Problem: fmt.Sprintf("%s, and a good one follows %d bytes later", problem, at)}
		}
	}
	return errTorn
}
