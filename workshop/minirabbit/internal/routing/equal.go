package routing

import (
	"bytes"

	"warren.example/workshop/wire"
)

// equal tells whether the argument of a binding equals the header of a message. Integers of all sizes are compared by
// their number, texts and bytes by their bytes; a number never equals a text.
func (r Rules) equal(argument, header wire.Value) bool {
	if t, ok := header.(wire.Timestamp); ok {
		if !r.Seconds {
			t *= 1000
		}
		header = t
	}
	if a, ok := text(argument); ok {
		b, ok := text(header)
		return ok && a == b
	}
	if a, ok := integer(argument); ok {
		if b, ok := integer(header); ok {
			return a == b
		}
		b, ok := float(header)
		return ok && r.LooseNumbers && a.float() == b
	}
	if a, ok := float(argument); ok {
		if b, ok := float(header); ok {
			return a == b
		}
		b, ok := integer(header)
		return ok && r.LooseNumbers && a == b.float()
	}
	switch a := argument.(type) {
	case wire.Bool:
		b, ok := header.(wire.Bool)
		return ok && a == b
	case wire.Decimal:
		b, ok := header.(wire.Decimal)
		return ok && a == b
	case wire.Array, wire.Table:
		return bytes.Equal(canonical(wire.Table{{Value: a}}), canonical(wire.Table{{Value: header}}))
	}
	return false
}

// text returns the bytes of a text or of bytes.
func text(v wire.Value) (string, bool) {
	switch v := v.(type) {
	case wire.String:
		return string(v), true
	case wire.Bytes:
		return string(v), true
	}
	return "", false
}

// number is an integer from the lowest int64 to the highest uint64.
type number struct {
	negative bool
	bits     uint64
}

func (n number) float() float64 {
	if n.negative {
		return float64(int64(n.bits))
	}
	return float64(n.bits)
}

// integer returns the number of a whole number of any size. A timestamp is one too.
func integer(v wire.Value) (number, bool) {
	switch v := v.(type) {
	case wire.Int8:
		return signed(int64(v)), true
	case wire.Int16:
		return signed(int64(v)), true
	case wire.Int32:
		return signed(int64(v)), true
	case wire.Int64:
		return signed(int64(v)), true
	case wire.Int64L:
		return signed(int64(v)), true
	case wire.Uint8:
		return number{bits: uint64(v)}, true
	case wire.Uint16:
		return number{bits: uint64(v)}, true
	case wire.Uint32:
		return number{bits: uint64(v)}, true
	case wire.Timestamp:
		return number{bits: uint64(v)}, true
	}
	return number{}, false
}

func signed(v int64) number { return number{negative: v < 0, bits: uint64(v)} }

func float(v wire.Value) (float64, bool) {
	switch v := v.(type) {
	case wire.Float32:
		return float64(v), true
	case wire.Float64:
		return float64(v), true
	}
	return 0, false
}
