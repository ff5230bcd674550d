package field_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/wire"
)

func TestEveryTypeHasRabbitMQsName(t *testing.T) {
	for want, v := range map[string]wire.Value{
		"longstr": wire.String(""), "binary": wire.Bytes(nil), "bool": wire.Bool(true), "byte": wire.Int8(0), "unsignedbyte": wire.Uint8(0),
		"short": wire.Int16(0), "unsignedshort": wire.Uint16(0), "signedint": wire.Int32(0), "unsignedint": wire.Uint32(0), "long": wire.Int64(0),
		"float": wire.Float32(0), "double": wire.Float64(0), "decimal": wire.Decimal{}, "timestamp": wire.Timestamp(0), "table": wire.Table{},
		"array": wire.Array{}, "void": wire.Void{},
	} {
		require.Equal(t, want, field.TypeName(v))
	}
}

func TestAnyIntegerIsOne(t *testing.T) {
	for _, v := range []wire.Value{
		wire.Int64(7), wire.Int64L(7), wire.Int32(7), wire.Uint32(7), wire.Int16(7), wire.Uint16(7), wire.Int8(7), wire.Uint8(7),
	} {
		n, ok := field.Integer(v)
		require.True(t, ok)
		require.Equal(t, int64(7), n)
	}
	_, ok := field.Integer(wire.String("7"))
	require.False(t, ok)
}
