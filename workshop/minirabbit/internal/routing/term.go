package routing

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/wire"
)

// term is a value as RabbitMQ's errors print it, in the notation of Erlang: <<"text">>, 5, 1.0, {2,5},
// [{longstr,<<"text">>}].
func (r Rules) term(v wire.Value) string {
	switch v := v.(type) {
	case wire.String:
		return r.binary(string(v))
	case wire.Bytes:
		return r.binary(string(v))
	case wire.Float32:
		return floatTerm(strconv.FormatFloat(float64(v), 'g', -1, 64))
	case wire.Float64:
		return floatTerm(strconv.FormatFloat(float64(v), 'g', -1, 64))
	case wire.Timestamp:
		return strconv.FormatUint(uint64(v), 10)
	case wire.Decimal:
		return "{" + strconv.Itoa(int(v.Scale)) + "," + strconv.Itoa(int(v.Mantissa)) + "}"
	case wire.Array:
		texts := make([]string, len(v))
		for i, e := range v {
			texts[i] = "{" + field.TypeName(e) + "," + r.term(e) + "}"
		}
		return "[" + strings.Join(texts, ",") + "]"
	case wire.Table:
		texts := make([]string, len(v))
		for i, f := range v {
			texts[i] = "{" + r.binary(f.Name) + "," + field.TypeName(f.Value) + "," + r.term(f.Value) + "}"
		}
		return "[" + strings.Join(texts, ",") + "]"
	case wire.Void:
		return "undefined"
	}
	return v.String()
}

// floatTerm turns 1 into 1.0 and 1e+30 into 1.0e30.
func floatTerm(s string) string {
	mantissa, exponent, scientific := strings.Cut(s, "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	if !scientific {
		return mantissa
	}
	return mantissa + "e" + strings.TrimPrefix(exponent, "+")
}

// binary prints a text: readable if all of it can be read, else as its bytes.
func (r Rules) binary(s string) string {
	if s == "" {
		return "<<>>"
	}
	if r.readable(s) {
		quoted := `"` + escapes.Replace(s) + `"`
		if !r.Latin1 && strings.ContainsFunc(s, func(c rune) bool { return c >= utf8.RuneSelf }) {
			quoted += "/utf8"
		}
		return "<<" + quoted + ">>"
	}
	numbers := make([]string, len(s))
	for i := range len(s) {
		numbers[i] = strconv.Itoa(int(s[i]))
	}
	return "<<" + strings.Join(numbers, ",") + ">>"
}

// escapes are the characters that Erlang escapes within a text.
var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\b", `\b`, "\t", `\t`, "\n", `\n`, "\v", `\v`, "\f", `\f`, "\r", `\r`,
	"\x1b", `\e`)

func (r Rules) readable(s string) bool {
	if r.Latin1 {
		for i := range len(s) {
			if !readable(rune(s[i])) {
				return false
			}
		}
		return true
	}
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return !readable(c) })
}

func readable(c rune) bool {
	const escaped = "\b\t\n\v\f\r\x1b"
	return c >= ' ' && c < 0x7f || c >= 0xa0 || strings.ContainsRune(escaped, c)
}
