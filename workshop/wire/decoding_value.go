package wire

import (
	"fmt"
	"math"
)

// value reads a tag and what it announces. It returns nil after an error.
func (d *decoding) value(name string) Value {
	at := d.pos
	var tag, octet uint8
	var short uint16
	var long uint32
	var longlong uint64
	d.octet(name, &tag)
	switch tag {
	case 't':
		d.octet(name, &octet)
		if octet > 1 {
			d.fail(name, d.pos-1, fmt.Sprintf("a bool is 0 or 1, not %d", octet))
		}
		return Bool(octet == 1)
	case 'b':
		d.octet(name, &octet)
		return Int8(octet)
	case 'B':
		d.octet(name, &octet)
		return Uint8(octet)
	case 's':
		d.short(name, &short)
		return Int16(short)
	case 'u':
		d.short(name, &short)
		return Uint16(short)
	case 'I':
		d.long(name, &long)
		return Int32(long)
	case 'i':
		d.long(name, &long)
		return Uint32(long)
	case 'l':
		d.longlong(name, &longlong)
		return Int64(longlong)
	case 'L':
		d.longlong(name, &longlong)
		return Int64L(longlong)
	case 'f':
		d.long(name, &long)
		return Float32(math.Float32frombits(long))
	case 'd':
		d.longlong(name, &longlong)
		return Float64(math.Float64frombits(longlong))
	case 'D':
		d.octet(name, &octet)
		d.long(name, &long)
		return Decimal{Scale: octet, Mantissa: int32(long)}
	case 'S':
		var s string
		d.longstr(name, &s)
		return String(s)
	case 'x':
		d.long(name, &long)
		return append(Bytes(nil), d.take(name, long)...)
	case 'T':
		d.longlong(name, &longlong)
		return Timestamp(longlong)
	case 'A':
		var a Array
		d.array(name, &a)
		return a
	case 'F':
		var t Table
		d.table(name, &t)
		return t
	case 'V':
		return Void{}
	}
	d.fail(name, at, fmt.Sprintf("no value has the type %q", tag))
	return nil
}
