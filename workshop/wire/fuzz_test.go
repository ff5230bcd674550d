package wire_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

// Each fuzz test states the same: what decodes is encoded to the same bytes, what does not decode gives a *DecodeError
// that points into the input, and nothing panics. Run one with
//
//	go test ./wire -run '^$' -fuzz FuzzMethod -fuzztime 1m

func FuzzMethod(f *testing.F) {
	for _, m := range everyMethod {
		f.Add(encoded(f, m))
	}
	f.Fuzz(roundTripMethod)
}

func FuzzTable(f *testing.F) {
	whole := encoded(f, &wire.ConnectionStart{ServerProperties: everyValue})
	f.Add(whole[10 : len(whole)-8])
	for _, field := range everyValue {
		whole := encoded(f, &wire.ConnectionStart{ServerProperties: wire.Table{field}})
		f.Add(whole[10 : len(whole)-8])
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) <= 0xffff {
			roundTripMethod(t, tablePayload(string(content)))
		}
	})
}

func roundTripMethod(t *testing.T, payload []byte) {
	m, err := wire.DecodeMethod(payload)
	if err != nil {
		requireDecodeError(t, err, len(payload))
		return
	}
	_ = m.String()
	require.Equal(t, payload, encoded(t, m))
}

func FuzzHeader(f *testing.F) {
	f.Add(encodedHeader(f, fullHeader))
	f.Add(encodedHeader(f, usualHeader))
	f.Add(encodedHeader(f, &wire.ContentHeader{Class: 60}))
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, err := wire.DecodeHeader(payload)
		if err != nil {
			requireDecodeError(t, err, len(payload))
			return
		}
		_ = h.String()
		require.Equal(t, payload, encodedHeader(t, h))
	})
}

// FuzzDecoder feeds the same stream whole and in chunks.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte(conversation), uint8(7), uint16(0))
	f.Add([]byte(conversation+"rubbish"), uint8(1), uint16(0))
	f.Add([]byte(goldenBody+goldenTune), uint8(20), uint16(13))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8, frameMax uint16) {
		whole := wire.Decoder{FrameMax: uint32(frameMax)}
		raws, frames, err := items(&whole, stream)

		rebuilt := ""
		for _, raw := range raws {
			rebuilt += raw
		}
		require.Equal(t, string(stream[:len(stream)-whole.Buffered()]), rebuilt, "nothing is lost, nothing comes twice")
		if err != nil {
			requireDecodeError(t, err, len(stream))
		}
		if skip := len(raws) - len(frames); skip <= 1 {
			for i, frame := range frames {
				require.Equal(t, raws[skip+i], string(wire.AppendFrame(nil, frame)))
			}
		} else {
			t.Fatalf("%d protocol headers", skip)
		}

		chunked := wire.Decoder{FrameMax: uint32(frameMax)}
		var chunks [][]byte
		for rest := stream; len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			chunks = append(chunks, rest[:n])
			rest = rest[n:]
		}
		again, _, errAgain := items(&chunked, chunks...)
		require.Equal(t, raws, again)
		require.Equal(t, err == nil, errAgain == nil)
	})
}

func requireDecodeError(t *testing.T, err error, size int) {
	var wrong *wire.DecodeError
	require.True(t, errors.As(err, &wrong), "%T", err)
	require.LessOrEqual(t, wrong.Offset, size)
	require.GreaterOrEqual(t, wrong.Offset, 0)
	require.NotEmpty(t, wrong.Error())
}
