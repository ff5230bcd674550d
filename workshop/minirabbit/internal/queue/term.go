package queue

import (
	"math"
	"strconv"
	"strings"

	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/wire"
)

// term prints a value as Erlang prints it: 5, 6.5, true, <<"text">>, [{signedint,1}].
func term(v wire.Value) string {
	switch v := v.(type) {
	case wire.Float32:
		return float(float64(v))
	case wire.Float64:
		return float(float64(v))
	case wire.Timestamp:
		return strconv.FormatUint(uint64(v), 10)
	case wire.Decimal:
		return "{" + strconv.Itoa(int(v.Scale)) + "," + strconv.Itoa(int(v.Mantissa)) + "}"
	case wire.String:
		return binary([]byte(v))
	case wire.Bytes:
		return binary(v)
	case wire.Array:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = "{" + field.TypeName(item) + "," + term(item) + "}"
		}
		return "[" + strings.Join(items, ",") + "]"
	case wire.Table:
		items := make([]string, len(v))
		for i, f := range v {
			items[i] = "{" + binary([]byte(f.Name)) + "," + field.TypeName(f.Value) + "," + term(f.Value) + "}"
		}
		return "[" + strings.Join(items, ",") + "]"
	case nil, wire.Void:
		return "undefined"
	}
	return v.String()
}

// binary prints bytes as text where all of them are printable, and else as numbers.
func binary(b []byte) string {
	printable := true
	for _, c := range b {
		printable = printable && c >= ' ' && c < 0x7f
	}
	if printable {
		return "<<" + strconv.Quote(string(b)) + ">>"
	}
	numbers := make([]string, len(b))
	for i, c := range b {
		numbers[i] = strconv.Itoa(int(c))
	}
	return "<<" + strings.Join(numbers, ",") + ">>"
}

// float prints the shortest digits that say which number it is, plain or with an exponent, whichever is shorter: 5.0, 1.0e3.
func float(f float64) string {
	if f == 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		return "0.0" // the others can't be sent to Erlang
	}
	sign := ""
	if f < 0 {
		sign, f = "-", -f
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	digits := strings.Replace(mantissa, ".", "", 1)
	e, _ := strconv.Atoi(exponent)
	plain := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(plain, ".") {
		plain += ".0"
	}
	short := digits[:1] + "." + digits[1:] + "e" + strconv.Itoa(e)
	if len(digits) == 1 {
		short = digits + ".0e" + strconv.Itoa(e)
	}
	if e >= 0 && e < len(digits)-1 || len(plain) <= len(short) {
		return sign + plain
	}
	return sign + short
}
