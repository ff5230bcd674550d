package wire_test

import (
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

// tablePayload is a connection.start with a table whose content, after the length, is given as bytes.
func tablePayload(content string) []byte {
	size := len(content)
	payload := "\x00\x0a\x00\x0a\x00\x09" + string([]byte{0, 0, byte(size >> 8), byte(size)}) + content
	return []byte(payload + "\x00\x00\x00\x00" + "\x00\x00\x00\x00")
}

func decodeTable(content string) (wire.Table, error) {
	m, err := wire.DecodeMethod(tablePayload(content))
	if err != nil {
		return nil, err
	}
	return m.(*wire.ConnectionStart).ServerProperties, nil
}

func TestATypeTagStandsForItsGoType(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]wire.Value{
		"t\x01":                             wire.Bool(true),
		"b\x80":                             wire.Int8(-128),
		"B\x80":                             wire.Uint8(128),
		"s\x80\x00":                         wire.Int16(-32768),
		"u\x80\x00":                         wire.Uint16(32768),
		"I\x80\x00\x00\x00":                 wire.Int32(math.MinInt32),
		"i\x80\x00\x00\x00":                 wire.Uint32(1 << 31),
		"l\xff\xff\xff\xff\xff\xff\xff\xff": wire.Int64(-1),
		"L\xff\xff\xff\xff\xff\xff\xff\xff": wire.Int64L(-1),
		"f\x3f\x80\x00\x00":                 wire.Float32(1),
		"d\xc0\x00\x00\x00\x00\x00\x00\x00": wire.Float64(-2),
		"D\x02\xff\xff\xff\xff":             wire.Decimal{Scale: 2, Mantissa: -1},
		"S\x00\x00\x00\x02ab":               wire.String("ab"),
		"x\x00\x00\x00\x02ab":               wire.Bytes("ab"),
		"T\x00\x00\x00\x00\x00\x00\x00\x01": wire.Timestamp(1),
		"V":                                 wire.Void{},
		"A\x00\x00\x00\x03Vt\x00":           wire.Array{wire.Void{}, wire.Bool(false)},
		"F\x00\x00\x00\x03\x01aV":           wire.Table{{Name: "a", Value: wire.Void{}}},
	} {
		table, err := decodeTable("\x01k" + content)
		require.NoError(t, err)
		require.Equal(t, wire.Table{{Name: "k", Value: want}}, table)
		again := encoded(t, &wire.ConnectionStart{VersionMinor: 9, ServerProperties: table})
		require.Equal(t, tablePayload("\x01k"+content), again)
	}
}

func TestAFloatKeepsItsBits(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		"\x01kf\x7f\xc0\x00\x01",                 // not a number, with something in it
		"\x01kd\x7f\xf8\x00\x00\x00\x00\x00\x01", // the same in 64 bits
		"\x01kf\x80\x00\x00\x00",                 // minus zero
	} {
		table, err := decodeTable(content)
		require.NoError(t, err)
		again := encoded(t, &wire.ConnectionStart{VersionMinor: 9, ServerProperties: table})
		require.Equal(t, tablePayload(content), again)
	}
}

func TestGetFindsTheFirstOfAName(t *testing.T) {
	t.Parallel()
	v, ok := everyValue.Get("t")
	require.True(t, ok)
	require.Equal(t, wire.Bool(true), v)
	_, ok = everyValue.Get("no such name")
	require.False(t, ok)
}

func TestABrokenTableIsAnErrorThatNamesTheField(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"\x05ab":                      "server-properties.(name) at byte 11: needs 5 bytes, 2 left",
		"\x01k":                       "server-properties.k at byte 12: needs 1 byte, 0 left",
		"\x01kZ":                      `server-properties.k at byte 12: no value has the type 'Z'`,
		"\x01kt\x02":                  "server-properties.k at byte 13: a bool is 0 or 1, not 2",
		"\x01\nI\x00\x00":             `"server-properties.\n" at byte 13: needs 4 bytes, 2 left`,
		"\x01kI\x00\x00":              "server-properties.k at byte 13: needs 4 bytes, 2 left",
		"\x01kS\xff\xff\xff\xff":      "server-properties.k at byte 17: needs 4294967295 bytes, 0 left",
		"\x01kx\x00\x00\x00\x01":      "server-properties.k at byte 17: needs 1 byte, 0 left",
		"\x01kF\x00\x00\x00\x01":      "server-properties.k at byte 13: says that it has 1 byte, 0 left",
		"\x01kF\x00\x00\x00\x02\x01a": "server-properties.k.a at byte 19: needs 1 byte, 0 left",
		"\x01kA\x00\x00\x00\x02VZ":    `server-properties.k[1] at byte 18: no value has the type 'Z'`,
	} {
		_, err := decodeTable(content)
		require.EqualError(t, err, "decode connection.start: "+want)
	}
}

func TestNestingHasALimit(t *testing.T) {
	t.Parallel()
	nested := func(depth int) wire.Table {
		table := wire.Table{{Name: "end", Value: wire.Void{}}}
		for range depth - 2 {
			table = wire.Table{{Name: "t", Value: table}}
		}
		return wire.Table{{Name: "a", Value: wire.Array{wire.Void{}}}, {Name: "t", Value: table}}
	}
	m := &wire.ConnectionStart{ServerProperties: nested(wire.MaxDepth)}
	back, err := wire.DecodeMethod(encoded(t, m))
	require.NoError(t, err)
	require.Equal(t, m, back)

	_, err = wire.AppendMethod(nil, &wire.ConnectionStart{ServerProperties: nested(wire.MaxDepth + 1)})
	require.ErrorContains(t, err, "nested deeper than 64")

	content := ""
	for range wire.MaxDepth {
		content = "A" + string([]byte{0, 0, byte(len(content) >> 8), byte(len(content))}) + content
	}
	_, err = decodeTable("\x01k" + content)
	require.ErrorContains(t, err, "nested deeper than 64")
	require.ErrorContains(t, err, "server-properties.k[0][0]")
}

// Not parallel: it counts what is allocated.
func TestALyingLengthAllocatesNothing(t *testing.T) {
	payloads := [][]byte{
		[]byte("\x00\x0a\x00\x0a\x00\x09\xff\xff\xff\xff"),
		tablePayload("\x01kA\xff\xff\xff\xff"),
		tablePayload("\x01kx\xff\xff\xff\xff"),
		[]byte("\x00\x0a\x00\x14\xff\xff\xff\xff" + strings.Repeat("x", 10)),
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, payload := range payloads {
		_, err := wire.DecodeMethod(payload)
		require.Error(t, err)
	}
	d := wire.Decoder{FrameMax: math.MaxUint32}
	d.Feed([]byte("\x03\x00\x01\xff\xff\xff\x00" + "some"))
	_, ok, err := d.Next()
	require.NoError(t, err)
	require.False(t, ok)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}
