// Package field looks at the values of AMQP's tables as RabbitMQ does.
package field

import "warren.example/workshop/wire"

// TypeName is what RabbitMQ's errors call the type of a value (rabbit_framing's amqp_field_type).
func TypeName(v wire.Value) string {
	switch v.(type) {
	case wire.Bool:
		return "bool"
	case wire.Int8:
		return "byte"
	case wire.Uint8:
		return "unsignedbyte"
	case wire.Int16:
		return "short"
	case wire.Uint16:
		return "unsignedshort"
	case wire.Int32:
		return "signedint"
	case wire.Uint32:
		return "unsignedint"
	case wire.Int64, wire.Int64L:
		return "long"
	case wire.Float32:
		return "float"
	case wire.Float64:
		return "double"
	case wire.Decimal:
		return "decimal"
	case wire.String:
		return "longstr"
	case wire.Bytes:
		return "binary"
	case wire.Timestamp:
		return "timestamp"
	case wire.Array:
		return "array"
	case wire.Table:
		return "table"
	}
	return "void"
}

// Integer returns the value of any of AMQP's integers, and false for what is none.
func Integer(v wire.Value) (int64, bool) {
	switch v := v.(type) {
	case wire.Int8:
		return int64(v), true
	case wire.Uint8:
		return int64(v), true
	case wire.Int16:
		return int64(v), true
	case wire.Uint16:
		return int64(v), true
	case wire.Int32:
		return int64(v), true
	case wire.Uint32:
		return int64(v), true
	case wire.Int64:
		return int64(v), true
	case wire.Int64L:
		return int64(v), true
	}
	return 0, false
}
