package notation

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"warren.example/workshop/wire"
)

// FormatTable gives {count=int64(3) name="a" x-max-length=5}: sorted, since the order in a table means nothing.
func FormatTable(t wire.Table) string {
	fields := make([]string, len(t))
	for i, f := range t {
		fields[i] = f.Name + "=" + FormatValue(f.Value)
	}
	slices.Sort(fields)
	return "{" + strings.Join(fields, " ") + "}"
}

// FormatValue gives a value with its type. Only strings, 32-bit integers, bits, tables and arrays need no word for it.
func FormatValue(v wire.Value) string {
	switch v := v.(type) {
	case wire.Table:
		return FormatTable(v)
	case wire.Array:
		values := make([]string, len(v))
		for i := range v {
			values[i] = FormatValue(v[i])
		}
		return "[" + strings.Join(values, " ") + "]"
	case wire.String:
		return strconv.Quote(string(v))
	case wire.Bytes:
		return "bytes(" + strconv.Quote(string(v)) + ")"
	case wire.Int32:
		return strconv.FormatInt(int64(v), 10)
	case wire.Bool:
		return strconv.FormatBool(bool(v))
	case wire.Void:
		return "void"
	case wire.Timestamp:
		return fmt.Sprintf("time(%d)", uint64(v))
	case wire.Decimal:
		return fmt.Sprintf("decimal(%v)", v)
	default:
		name := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", v), "wire."))
		return name + "(" + v.String() + ")"
	}
}

// ParseTable reads what FormatTable writes.
func ParseTable(text string) (wire.Table, error) {
	if !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}") {
		return nil, fmt.Errorf("%s is no table: {name=value …}", text)
	}
	words, err := Words(text[1 : len(text)-1])
	if err != nil {
		return nil, err
	}
	table := wire.Table{}
	for _, word := range words {
		name, value, found := strings.Cut(word, "=")
		if !found {
			return nil, fmt.Errorf("%s in %s has no value", word, text)
		}
		v, err := ParseValue(value)
		if err != nil {
			return nil, err
		}
		table = append(table, wire.Field{Name: name, Value: v})
	}
	return table, nil
}

// ParseValue reads what FormatValue writes. A bare word is a string, a bare number a 32-bit integer if it fits.
func ParseValue(text string) (wire.Value, error) {
	switch {
	case strings.HasPrefix(text, `"`):
		s, err := strconv.Unquote(text)
		return wire.String(s), err
	case strings.HasPrefix(text, "{"):
		return ParseTable(text)
	case strings.HasPrefix(text, "["):
		return parseArray(text)
	case text == "true", text == "false":
		return wire.Bool(text == "true"), nil
	case text == "void":
		return wire.Void{}, nil
	case strings.HasSuffix(text, ")"):
		return parseTyped(text)
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if n >= math.MinInt32 && n <= math.MaxInt32 {
			return wire.Int32(n), nil
		}
		return wire.Int64(n), nil
	}
	return wire.String(text), nil
}

func parseArray(text string) (wire.Value, error) {
	if !strings.HasSuffix(text, "]") {
		return nil, fmt.Errorf("%s is no array: [value …]", text)
	}
	words, err := Words(text[1 : len(text)-1])
	if err != nil {
		return nil, err
	}
	array := wire.Array{}
	for _, word := range words {
		v, err := ParseValue(word)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	return array, nil
}

// parseTyped reads int64(5), bytes("x"), time(1000), float64(1.5).
func parseTyped(text string) (wire.Value, error) {
	kind, inner, _ := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	if kind == "bytes" {
		s, err := strconv.Unquote(inner)
		return wire.Bytes(s), err
	}
	if kind == "float32" || kind == "float64" {
		f, err := strconv.ParseFloat(inner, 64)
		if kind == "float32" {
			return wire.Float32(f), err
		}
		return wire.Float64(f), err
	}
	n, err := strconv.ParseInt(inner, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	switch kind {
	case "int8":
		return wire.Int8(n), nil
	case "int16":
		return wire.Int16(n), nil
	case "int32":
		return wire.Int32(n), nil
	case "int64":
		return wire.Int64(n), nil
	case "int64l":
		return wire.Int64L(n), nil
	case "uint8":
		return wire.Uint8(n), nil
	case "uint16":
		return wire.Uint16(n), nil
	case "uint32":
		return wire.Uint32(n), nil
	case "time":
		return wire.Timestamp(n), nil
	}
	return nil, fmt.Errorf("%s: no type of a table is called %q", text, kind)
}
