package httpapi

import (
	"math"
	"strconv"

	"warren.example/workshop/wire"
)

// object returns arguments as RabbitMQ's JSON has them: names, values, no types. Of a name that comes twice the last counts.
func object(t wire.Table) map[string]any {
	o := make(map[string]any, len(t))
	for _, f := range t {
		o[f.Name] = value(f.Value)
	}
	return o
}

func value(v wire.Value) any {
	switch v := v.(type) {
	case wire.Table:
		return object(v)
	case wire.Array:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = value(e)
		}
		return list
	case wire.String:
		return string(v)
	case wire.Bytes:
		return string(v)
	case wire.Void:
		return nil
	case wire.Float32:
		return number(float64(v))
	case wire.Float64:
		return number(float64(v))
	case wire.Decimal:
		return float64(v.Mantissa) / math.Pow10(int(v.Scale))
	}
	return v // a bool, an integer or a timestamp: a number of seconds
}

// number returns a float, or text for one that JSON does not have.
func number(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return f
}
