package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"warren.example/workshop/wire"
)

// writer appends fields. After the first error the record is of no use.
type writer struct {
	data []byte
	err  error
}

func (w *writer) kind(k kind)    { w.data = append(w.data, byte(k)) }
func (w *writer) uint(v uint64)  { w.data = binary.AppendUvarint(w.data, v) }
func (w *writer) int(v int64)    { w.data = binary.AppendVarint(w.data, v) }
func (w *writer) bytes(b []byte) { w.uint(uint64(len(b))); w.data = append(w.data, b...) }
func (w *writer) text(s string)  { w.uint(uint64(len(s))); w.data = append(w.data, s...) }
func (w *writer) rest(b []byte)  { w.data = append(w.data, b...) }
func (w *writer) time(t time.Time) {
	if t.IsZero() {
		w.int(0)
	} else {
		w.int(t.UnixNano())
	}
}

func (w *writer) bool(b bool) {
	if b {
		w.uint(1)
	} else {
		w.uint(0)
	}
}

func (w *writer) texts(all []string) {
	w.uint(uint64(len(all)))
	for _, s := range all {
		w.text(s)
	}
}

func (w *writer) method(m wire.Method) {
	data, err := wire.AppendMethod(nil, m)
	w.err = errors.Join(w.err, err)
	w.bytes(data)
}

// reader takes fields off. After the first error all fields are empty.
type reader struct {
	data []byte
	err  error
}

var errShort = errors.New("the record is too short")

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.data = nil
}

func (r *reader) kind() kind {
	if len(r.data) == 0 {
		r.fail(errShort)
		return 0
	}
	k := r.data[0]
	r.data = r.data[1:]
	return kind(k)
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) bool() bool { return r.uint() != 0 }

// bytes returns bytes of the record itself.
func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.data)) {
		r.fail(errShort)
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes()) }

func (r *reader) texts() []string {
	n := r.uint()
	if n > uint64(len(r.data)) { // each takes a byte at least
		r.fail(errShort)
		return nil
	}
	if n == 0 {
		return nil
	}
	all := make([]string, n)
	for i := range all {
		all[i] = r.text()
	}
	return all
}

func (r *reader) time() time.Time {
	nanoseconds := r.int()
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds)
}

// rest returns a copy of what is left.
func (r *reader) rest() []byte {
	b := append([]byte(nil), r.data...)
	r.data = nil
	return b
}

// method returns a method of type M.
func method[M wire.Method](r *reader) (m M) {
	data := r.bytes()
	if r.err != nil {
		return m
	}
	any, err := wire.DecodeMethod(data)
	if err != nil {
		r.fail(err)
		return m
	}
	m, ok := any.(M)
	if !ok {
		r.fail(fmt.Errorf("%s stands where another method should", any.Name()))
	}
	return m
}

// finish returns the error, if any. A record must be used up.
func (r *reader) finish() error {
	if r.err == nil && len(r.data) > 0 {
		return fmt.Errorf("%d bytes are left over", len(r.data))
	}
	return r.err
}
