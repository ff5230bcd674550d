package wire

import (
	"encoding/binary"
	"fmt"
	"math"
)

// maxShortString is the longest short string: its length is one octet. AMQP 0-9-1, 4.2.5.3.
const maxShortString = 255

// encoding is the visitor that writes fields. After the first error it writes nothing.
type encoding struct {
	data  []byte
	bits  int // how many bits of the last octet of data are taken; 0 if it is no octet of bits
	depth int // of the table or array being written
	err   *EncodeError
}

// finish returns the error, if any, with the name of what was encoded.
func (e *encoding) finish(what string) error {
	if e.err == nil {
		return nil
	}
	e.err.What = what
	return e.err
}

func (e *encoding) fail(field, problem string) {
	if e.err == nil {
		e.err = &EncodeError{Field: field, Problem: problem}
	}
}

// bit puts bits that follow each other into the same octet, the first into the lowest place. AMQP 0-9-1, 4.2.5.2.
func (e *encoding) bit(_ string, v *bool) {
	if e.bits == 0 {
		e.data = append(e.data, 0)
	}
	if *v {
		e.data[len(e.data)-1] |= 1 << e.bits
	}
	e.bits = (e.bits + 1) % 8
}

func (e *encoding) octet(_ string, v *uint8) {
	e.bits = 0
	e.data = append(e.data, *v)
}

func (e *encoding) short(_ string, v *uint16) {
	e.bits = 0
	e.data = binary.BigEndian.AppendUint16(e.data, *v)
}

func (e *encoding) long(_ string, v *uint32) {
	e.bits = 0
	e.data = binary.BigEndian.AppendUint32(e.data, *v)
}

func (e *encoding) longlong(_ string, v *uint64) {
	e.bits = 0
	e.data = binary.BigEndian.AppendUint64(e.data, *v)
}

func (e *encoding) timestamp(name string, v *Timestamp) { e.longlong(name, (*uint64)(v)) }

func (e *encoding) shortstr(name string, v *string) {
	e.bits = 0
	if len(*v) > maxShortString {
		e.fail(name, fmt.Sprintf("has %d bytes, a short string has %d at most", len(*v), maxShortString))
		return
	}
	e.data = append(e.data, byte(len(*v)))
	e.data = append(e.data, *v...)
}

func (e *encoding) longstr(name string, v *string) {
	e.bits = 0
	start := e.begin()
	e.data = append(e.data, *v...)
	e.end(name, start)
}

func (e *encoding) secret(name string, v *string) { e.longstr(name, v) }

func (e *encoding) table(name string, v *Table) {
	e.bits = 0
	if !e.deeper(name) {
		return
	}
	start := e.begin()
	for i := range *v {
		f := &(*v)[i]
		e.shortstr(f.Name, &f.Name)
		e.value(f.Name, f.Value)
		if e.err != nil {
			e.err.Field = name + "." + e.err.Field
			return
		}
	}
	e.end(name, start)
	e.depth--
}

func (e *encoding) array(name string, v Array) {
	if !e.deeper(name) {
		return
	}
	start := e.begin()
	for i := range v {
		e.value(fmt.Sprintf("[%d]", i), v[i])
		if e.err != nil {
			e.err.Field = name + e.err.Field
			return
		}
	}
	e.end(name, start)
	e.depth--
}

// value writes a tag and what it announces.
func (e *encoding) value(name string, v Value) {
	if v == nil {
		e.fail(name, "is nil, use Void{} for no value")
		return
	}
	e.data = append(e.data, v.tag())
	switch v := v.(type) {
	case Bool:
		if v {
			e.data = append(e.data, 1)
		} else {
			e.data = append(e.data, 0)
		}
	case Int8:
		e.data = append(e.data, byte(v))
	case Uint8:
		e.data = append(e.data, byte(v))
	case Int16:
		e.data = binary.BigEndian.AppendUint16(e.data, uint16(v))
	case Uint16:
		e.data = binary.BigEndian.AppendUint16(e.data, uint16(v))
	case Int32:
		e.data = binary.BigEndian.AppendUint32(e.data, uint32(v))
	case Uint32:
		e.data = binary.BigEndian.AppendUint32(e.data, uint32(v))
	case Int64:
		e.data = binary.BigEndian.AppendUint64(e.data, uint64(v))
	case Int64L:
		e.data = binary.BigEndian.AppendUint64(e.data, uint64(v))
	case Float32:
		e.data = binary.BigEndian.AppendUint32(e.data, math.Float32bits(float32(v)))
	case Float64:
		e.data = binary.BigEndian.AppendUint64(e.data, math.Float64bits(float64(v)))
	case Decimal:
		e.data = append(e.data, v.Scale)
		e.data = binary.BigEndian.AppendUint32(e.data, uint32(v.Mantissa))
	case String:
		e.longstr(name, (*string)(&v))
	case Bytes:
		start := e.begin()
		e.data = append(e.data, v...)
		e.end(name, start)
	case Timestamp:
		e.data = binary.BigEndian.AppendUint64(e.data, uint64(v))
	case Array:
		e.array(name, v)
	case Table:
		e.table(name, &v)
	case Void:
	default:
		e.fail(name, fmt.Sprintf("is a %T, which is no value of AMQP", v))
	}
}

// begin leaves room for the length of something long; end fills it in.
func (e *encoding) begin() int {
	e.data = append(e.data, 0, 0, 0, 0)
	return len(e.data)
}

func (e *encoding) end(name string, start int) {
	n := uint64(len(e.data) - start)
	if n > math.MaxUint32 {
		e.fail(name, fmt.Sprintf("has %d bytes, more than a length of four bytes can say", n))
		return
	}
	binary.BigEndian.PutUint32(e.data[start-4:], uint32(n))
}

func (e *encoding) deeper(name string) bool {
	e.depth++
	if e.depth > MaxDepth {
		e.fail(name, fmt.Sprintf("is nested deeper than %d", MaxDepth))
		return false
	}
	return e.err == nil
}
