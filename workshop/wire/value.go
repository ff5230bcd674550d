package wire

import (
	"strconv"
	"strings"
	"time"
)

// A Value is what a Table or an Array holds. Its Go type stands for the type tag on the wire, one to one, so the tag
// survives decoding and encoding. The grammar of AMQP 0-9-1, 4.2.1, has other letters for some tags; RabbitMQ, and so
// every client, uses the ones below (errata, section 3).
//
//	t Bool     b Int8    s Int16    I Int32    l Int64    f Float32   S String   A Array   D Decimal
//	V Void     B Uint8   u Uint16   i Uint32   L Int64L   d Float64   x Bytes    F Table   T Timestamp
type Value interface {
	// String is the value as people write it: 60000, "lazy", {a=1 b=[2 3]}.
	String() string
	// tag is the letter that announces the value on the wire.
	tag() byte
}

// The simple values. String and Bytes hold any bytes; by custom, text is a String.
type (
	Bool    bool
	Int8    int8
	Uint8   uint8
	Int16   int16
	Uint16  uint16
	Int32   int32
	Uint32  uint32
	Int64   int64
	Int64L  int64 // the letter of the specification: py-amqp sends it, RabbitMQ reads it and itself says l
	Float32 float32
	Float64 float64
	String  string
	Bytes   []byte
	Void    struct{} // no value
)

// Array is a list of values, of different types if need be.
type Array []Value

// Decimal is Mantissa divided by ten to the power of Scale. The mantissa is signed (errata, section 3).
type Decimal struct {
	Scale    uint8
	Mantissa int32
}

// Timestamp is a number of seconds since 1970 in UTC. AMQP 0-9-1, 4.2.5.4.
type Timestamp uint64

// TimestampOf returns t without what is finer than a second.
func TimestampOf(t time.Time) Timestamp { return Timestamp(t.Unix()) }

// Time returns ts in UTC. RabbitMQ and clients let anything through, also numbers far outside of human history.
func (ts Timestamp) Time() time.Time { return time.Unix(int64(ts), 0).UTC() }

func (Bool) tag() byte      { return 't' }
func (Int8) tag() byte      { return 'b' }
func (Uint8) tag() byte     { return 'B' }
func (Int16) tag() byte     { return 's' }
func (Uint16) tag() byte    { return 'u' }
func (Int32) tag() byte     { return 'I' }
func (Uint32) tag() byte    { return 'i' }
func (Int64) tag() byte     { return 'l' }
func (Int64L) tag() byte    { return 'L' }
func (Float32) tag() byte   { return 'f' }
func (Float64) tag() byte   { return 'd' }
func (Decimal) tag() byte   { return 'D' }
func (String) tag() byte    { return 'S' }
func (Array) tag() byte     { return 'A' }
func (Timestamp) tag() byte { return 'T' }
func (Table) tag() byte     { return 'F' }
func (Void) tag() byte      { return 'V' }
func (Bytes) tag() byte     { return 'x' }

func (v Bool) String() string    { return strconv.FormatBool(bool(v)) }
func (v Int8) String() string    { return strconv.FormatInt(int64(v), 10) }
func (v Uint8) String() string   { return strconv.FormatUint(uint64(v), 10) }
func (v Int16) String() string   { return strconv.FormatInt(int64(v), 10) }
func (v Uint16) String() string  { return strconv.FormatUint(uint64(v), 10) }
func (v Int32) String() string   { return strconv.FormatInt(int64(v), 10) }
func (v Uint32) String() string  { return strconv.FormatUint(uint64(v), 10) }
func (v Int64) String() string   { return strconv.FormatInt(int64(v), 10) }
func (v Int64L) String() string  { return strconv.FormatInt(int64(v), 10) }
func (v Float32) String() string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }
func (v Float64) String() string { return strconv.FormatFloat(float64(v), 'g', -1, 64) }
func (v String) String() string  { return quote(string(v)) }
func (v Void) String() string    { return "void" }
func (v Bytes) String() string   { return bytesOf(len(v)) }

// String gives 2026-01-31T12:00:00Z, and the number where the year would have more than four digits.
func (ts Timestamp) String() string {
	const end = 253402300799 // 9999-12-31T23:59:59Z
	if ts > end {
		return strconv.FormatUint(uint64(ts), 10)
	}
	return ts.Time().Format(time.RFC3339)
}

// String gives 1.25 for a mantissa of 125 and a scale of 2.
func (v Decimal) String() string {
	digits, sign := strconv.FormatInt(int64(v.Mantissa), 10), ""
	if v.Mantissa < 0 {
		digits, sign = digits[1:], "-"
	}
	if v.Scale == 0 {
		return sign + digits
	}
	if missing := int(v.Scale) + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - int(v.Scale)
	return sign + digits[:point] + "." + digits[point:]
}

// String gives [1 "two" {three=3}].
func (v Array) String() string {
	texts := make([]string, len(v))
	for i, e := range v {
		texts[i] = textOf(e)
	}
	return "[" + strings.Join(texts, " ") + "]"
}
