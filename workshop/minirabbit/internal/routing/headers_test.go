package routing_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/wire"
)

func field(name string, v wire.Value) wire.Field { return wire.Field{Name: name, Value: v} }

func table(fields ...wire.Field) wire.Table { return fields }

var (
	all      = field("x-match", wire.String("all"))
	any1     = field("x-match", wire.String("any"))
	allWithX = field("x-match", wire.String("all-with-x"))
	anyWithX = field("x-match", wire.String("any-with-x"))
)

// A binding with many arguments finds each in a message with many headers. Of headers that have the same name the first counts.
func TestHeadersExchangeComparesManyHeaders(t *testing.T) {
	const many = 1000
	w := newWorld(t, "all", "one").exchange("x", routing.Headers)
	var binding, message wire.Table
	for n := range many {
		binding = append(binding, field(fmt.Sprint(n), wire.Int32(n)))
		message = append(message, field(fmt.Sprint(many-1-n), wire.Int64(many-1-n)))
	}
	says := func(headers wire.Table) routing.Message {
		return routing.Message{Properties: &wire.Properties{Headers: headers}}
	}
	w.bind(toQueue("x", "all", "", binding...), toQueue("x", "one", "", field("7", wire.Int32(7))))
	w.message("x", says(message), "all", "one")
	w.message("x", says(append(slices.Clone(message), field("7", wire.Int32(0)))), "all", "one")
	w.message("x", says(append(table(field("7", wire.Int32(0))), message...)))
	w.message("x", says(message[1:]), "one")
}

func TestHeadersExchangeCompares(t *testing.T) {
	pdf, report, x := field("format", wire.String("pdf")), field("type", wire.String("report")), field("x-a", wire.String("1"))
	presence := field("format", wire.Void{})
	tests := []struct {
		name    string
		binding wire.Table
		message wire.Table
		want    bool
	}{
		{"all of two", table(all, pdf, report), table(report, pdf), true},
		{"one of two is not all", table(all, pdf, report), table(pdf), false},
		{"without x-match it is all", table(pdf, report), table(pdf), false},
		{"all of nothing", table(all), table(), true},
		{"no arguments at all", nil, nil, true},
		{"any of two", table(any1, pdf, report), table(report), true},
		{"none of two", table(any1, pdf, report), table(field("format", wire.String("txt"))), false},
		{"any of nothing", table(any1), table(pdf), false},
		{"x- does not count", table(all, pdf, x), table(pdf), true},
		{"x- alone counts for nothing", table(any1, x), table(x), false},
		{"all with x-", table(allWithX, pdf, x), table(pdf), false},
		{"all with x- there", table(allWithX, pdf, x), table(pdf, x), true},
		{"any with x-", table(anyWithX, pdf, x), table(x), true},
		{"x-match itself never counts", table(anyWithX), table(anyWithX), false},
		{"presence", table(all, presence), table(field("format", wire.Int32(5))), true},
		{"presence of a void", table(all, presence), table(presence), true},
		{"absence", table(all, presence), table(report), false},
		{"a void is no value", table(all, pdf), table(presence), false},
		{"names are compared by bytes", table(all, field("Format", wire.String("pdf"))), table(pdf), false},
		{"no headers", table(all, pdf), nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, "q").exchange("x", routing.Headers).bind(toQueue("x", "q", "ignored", test.binding...))
			var want []string
			if test.want {
				want = []string{"q"}
			}
			w.message("x", routing.Message{Key: "other", Properties: &wire.Properties{Headers: test.message}}, want...)
			if test.message == nil {
				w.message("x", routing.Message{}, want...)
			}
		})
	}
}

func TestHeadersExchangeComparesValues(t *testing.T) {
	text, one, half := wire.String("1"), wire.Int32(1), wire.Float64(1.5)
	tests := []struct {
		binding, message wire.Value
		in310, in40      bool
	}{
		{text, text, true, true},
		{text, wire.Bytes("1"), true, true},
		{text, one, false, false},
		{one, text, false, false},
		{one, wire.Int64(1), true, true},
		{one, wire.Int64L(1), true, true},
		{wire.Uint8(1), wire.Int8(1), true, true},
		{wire.Int16(1), wire.Uint16(1), true, true},
		{wire.Uint32(math.MaxUint32), wire.Int32(-1), false, false},
		{wire.Int64(-1), wire.Timestamp(math.MaxUint64), false, false},
		{one, wire.Float64(1), true, false},
		{wire.Float64(1), one, true, false},
		{wire.Float32(1.5), half, true, true},
		{half, one, false, false},
		{wire.Bool(true), wire.Bool(true), true, true},
		{wire.Bool(true), wire.Bool(false), false, false},
		{wire.Bool(true), wire.String("true"), false, false},
		{wire.Bool(true), one, false, false},
		{wire.Timestamp(1), wire.Timestamp(1), true, false},
		{wire.Int32(1000), wire.Timestamp(1), false, true},
		{wire.Decimal{Scale: 1, Mantissa: 5}, wire.Decimal{Scale: 1, Mantissa: 5}, true, true},
		{wire.Decimal{Scale: 1, Mantissa: 5}, wire.Decimal{Scale: 2, Mantissa: 50}, false, false},
		{wire.Array{one}, wire.Array{wire.Int32(1)}, true, true},
		{wire.Array{one}, wire.Array{wire.Int64(1)}, false, false}, // inside, types count
		{wire.Table{field("a", one)}, wire.Table{field("a", one)}, true, true},
	}
	for _, test := range tests {
		for rules, want := range map[routing.Rules]bool{routing.Rules310: test.in310, routing.Rules40: test.in40} {
			w := &world{T: t, Graph: routing.New(rules)}
			w.AddQueue("q")
			w.exchange("x", routing.Headers).bind(toQueue("x", "q", "", field("h", test.binding)))
			got, _ := w.Route(nil, "x", routing.Message{Properties: &wire.Properties{Headers: table(field("h", test.message))}})
			require.Equal(t, want, len(got) == 1, "%T %v, %T %v, %+v", test.binding, test.binding, test.message, test.message, rules)
		}
	}
}

func TestHeadersBindingsAreRemovedSingly(t *testing.T) {
	w := newWorld(t, "a", "b", "c").exchange("x", routing.Headers)
	one := func(q, v string) routing.Binding { return toQueue("x", q, "", field("h", wire.String(v))) }
	w.bind(one("a", "1"), one("b", "2"), one("c", "3"))
	says := func(v string) routing.Message {
		return routing.Message{Properties: &wire.Properties{Headers: table(field("h", wire.String(v)))}}
	}
	w.Unbind(one("a", "1"))
	w.message("x", says("1"))
	w.message("x", says("2"), "b")
	w.message("x", says("3"), "c")
	w.RemoveQueue("c")
	w.message("x", says("3"))
	w.message("x", says("2"), "b")
}

func TestWrongMatchIsRefused(t *testing.T) {
	tests := []struct {
		value wire.Value
		want  string
	}{
		{wire.String("both"), `Invalid x-match field value <<"both">>; expected all, any, all-with-x, or any-with-x`},
		{wire.String(""), `Invalid x-match field value <<>>; expected all, any, all-with-x, or any-with-x`},
		{wire.Int32(5), `Invalid x-match field type signedint (value 5); expected longstr`},
		{wire.Bool(true), `Invalid x-match field type bool (value true); expected longstr`},
		{wire.Int64(7), `Invalid x-match field type long (value 7); expected longstr`},
		{wire.Uint8(3), `Invalid x-match field type unsignedbyte (value 3); expected longstr`},
		{wire.Int8(1), `Invalid x-match field type byte (value 1); expected longstr`},
		{wire.Int16(2), `Invalid x-match field type short (value 2); expected longstr`},
		{wire.Uint16(2), `Invalid x-match field type unsignedshort (value 2); expected longstr`},
		{wire.Uint32(2), `Invalid x-match field type unsignedint (value 2); expected longstr`},
		{wire.Float64(1.5), `Invalid x-match field type double (value 1.5); expected longstr`},
		{wire.Float64(123456), `Invalid x-match field type double (value 123456.0); expected longstr`},
		{wire.Float64(1e30), `Invalid x-match field type double (value 1.0e30); expected longstr`},
		{wire.Float32(2), `Invalid x-match field type float (value 2.0); expected longstr`},
		{wire.Void{}, `Invalid x-match field type void (value undefined); expected longstr`},
		{wire.Bytes("x"), `Invalid x-match field type binary (value <<"x">>); expected longstr`},
		{wire.Timestamp(5), `Invalid x-match field type timestamp (value 5); expected longstr`},
		{wire.Decimal{Scale: 2, Mantissa: 5}, `Invalid x-match field type decimal (value {2,5}); expected longstr`},
		{wire.Array{wire.String("a"), wire.Int32(1)}, `Invalid x-match field type array (value [{longstr,<<"a">>},{signedint,1}]); expected longstr`},
		{table(field("a", wire.Int32(1))), `Invalid x-match field type table (value [{<<"a">>,signedint,1}]); expected longstr`},
	}
	for _, test := range tests {
		w := newWorld(t, "q")
		added, err := w.Bind(toQueue("amq.headers", "q", "", field("x-match", test.value)))
		require.EqualError(t, err, test.want)
		require.False(t, added)
		require.Empty(t, w.Bindings())
		_, err = w.Bind(toQueue("amq.topic", "q", "", field("x-match", test.value)))
		require.NoError(t, err, "only a headers exchange looks at x-match")
	}
}
