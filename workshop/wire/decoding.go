package wire

import (
	"encoding/binary"
	"fmt"
)

// decoding is the visitor that fills fields in. After the first error it changes nothing more.
type decoding struct {
	data  []byte
	pos   int
	end   int    // of the innermost table or array, or of data
	text  string // data as text, made when the first string is met: every string is a part of it
	bits  int    // how many bits of flags were read; 0 if no octet of bits is begun
	flags byte   // the octet of bits, less those read
	depth int    // of the table or array being read
	err   *DecodeError
}

// finish checks that all was read, and returns the error, if any, with the name of what was decoded.
func (d *decoding) finish(what string) error {
	d.endBits()
	if rest := d.end - d.pos; rest > 0 {
		d.fail("", d.pos, plural(uint64(rest))+" left over")
	}
	if d.err == nil {
		return nil
	}
	d.err.What = what
	return d.err
}

func (d *decoding) fail(field string, offset int, problem string) {
	if d.err == nil {
		d.err = &DecodeError{Field: field, Offset: offset, Problem: problem}
	}
}

// take returns the next n bytes, or nil if there are not so many or an error was met before.
func (d *decoding) take(field string, n uint32) []byte {
	d.endBits()
	if d.err != nil {
		return nil
	}
	if rest := d.end - d.pos; uint64(n) > uint64(rest) {
		d.fail(field, d.pos, fmt.Sprintf("needs %s, %d left", plural(uint64(n)), rest))
		return nil
	}
	b := d.data[d.pos : d.pos+int(n)]
	d.pos += int(n)
	return b
}

// string returns the next n bytes as text.
func (d *decoding) string(field string, n uint32) string {
	if b := d.take(field, n); len(b) == 0 {
		return ""
	}
	if d.text == "" {
		d.text = string(d.data)
	}
	return d.text[d.pos-int(n) : d.pos]
}

// bit reads bits that follow each other from the same octet, the first from the lowest place. AMQP 0-9-1, 4.2.5.2.
func (d *decoding) bit(name string, v *bool) {
	if d.bits == 0 || d.bits == 8 {
		b := d.take(name, 1)
		if b == nil {
			return
		}
		d.flags = b[0]
	}
	*v = d.flags&1 != 0
	d.flags >>= 1
	d.bits++
}

// endBits ends an octet of bits. Bits that belong to no field must be zero: they would be lost.
func (d *decoding) endBits() {
	if d.flags != 0 {
		d.fail("bits", d.pos-1, "one is set that has no meaning")
	}
	d.bits, d.flags = 0, 0
}

func (d *decoding) octet(name string, v *uint8) {
	if b := d.take(name, 1); b != nil {
		*v = b[0]
	}
}

func (d *decoding) short(name string, v *uint16) {
	if b := d.take(name, 2); b != nil {
		*v = binary.BigEndian.Uint16(b)
	}
}

func (d *decoding) long(name string, v *uint32) {
	if b := d.take(name, 4); b != nil {
		*v = binary.BigEndian.Uint32(b)
	}
}

func (d *decoding) longlong(name string, v *uint64) {
	if b := d.take(name, 8); b != nil {
		*v = binary.BigEndian.Uint64(b)
	}
}

func (d *decoding) timestamp(name string, v *Timestamp) { d.longlong(name, (*uint64)(v)) }

func (d *decoding) shortstr(name string, v *string) {
	var n uint8
	d.octet(name, &n)
	*v = d.string(name, uint32(n))
}

func (d *decoding) longstr(name string, v *string) {
	var n uint32
	d.long(name, &n)
	*v = d.string(name, n)
}

func (d *decoding) secret(name string, v *string) { d.longstr(name, v) }

// table leaves *v alone if the table is empty.
func (d *decoding) table(name string, v *Table) {
	outer := d.open(name)
	for d.err == nil && d.pos < d.end {
		var f Field
		d.shortstr("(name)", &f.Name)
		f.Value = d.value(f.Name)
		if d.err != nil {
			d.err.Field = name + "." + d.err.Field
			return
		}
		*v = append(*v, f)
	}
	d.close(outer)
}

// array leaves *v alone if the array is empty.
func (d *decoding) array(name string, v *Array) {
	outer := d.open(name)
	for i := 0; d.err == nil && d.pos < d.end; i++ {
		e := d.value("")
		if d.err != nil {
			d.err.Field = fmt.Sprintf("%s[%d]%s", name, i, d.err.Field)
			return
		}
		*v = append(*v, e)
	}
	d.close(outer)
}

// open reads the length of a table or array and makes its end the end of reading; close goes back to the outer end.
func (d *decoding) open(name string) (outer int) {
	outer = d.end
	at := d.pos
	var size uint32
	d.long(name, &size)
	if rest := d.end - d.pos; uint64(size) > uint64(rest) {
		d.fail(name, at, fmt.Sprintf("says that it has %s, %d left", plural(uint64(size)), rest))
	}
	d.depth++
	if d.depth > MaxDepth {
		d.fail(name, at, fmt.Sprintf("is nested deeper than %d", MaxDepth))
	}
	if d.err == nil {
		d.end = d.pos + int(size)
	}
	return outer
}

func (d *decoding) close(outer int) {
	d.end = outer
	d.depth--
}
