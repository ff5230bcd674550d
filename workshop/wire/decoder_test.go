package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

const conversation = goldenHeader + goldenTune + goldenDeclare + goldenHeartbeat +
	goldenPublish + goldenContent + goldenBody

// items decodes chunks and returns copies of what they hold.
func items(d *wire.Decoder, chunks ...[]byte) (raws []string, frames []wire.Frame, err error) {
	for _, chunk := range chunks {
		d.Feed(chunk)
		for {
			item, ok, err := d.Next()
			if err != nil {
				return raws, frames, err
			}
			if !ok {
				break
			}
			raws = append(raws, string(item.Raw))
			if item.Protocol == nil {
				item.Frame.Payload = append([]byte{}, item.Frame.Payload...)
				frames = append(frames, item.Frame)
			}
		}
	}
	return raws, frames, nil
}

func TestChunksMayBeCutAnywhere(t *testing.T) {
	t.Parallel()
	want := []string{goldenHeader, goldenTune, goldenDeclare, goldenHeartbeat, goldenPublish, goldenContent, goldenBody}
	for size := 1; size <= len(conversation); size++ {
		var chunks [][]byte
		for rest := []byte(conversation); len(rest) > 0; {
			n := min(size, len(rest))
			chunks = append(chunks, rest[:n])
			rest = rest[n:]
		}
		var d wire.Decoder
		raws, frames, err := items(&d, chunks...)
		require.NoError(t, err)
		require.Equal(t, want, raws)
		require.Len(t, frames, len(want)-1)
		require.Zero(t, d.Buffered())
	}
}

func TestTheDecoderKeepsNothingOfAChunk(t *testing.T) {
	t.Parallel()
	var d wire.Decoder
	chunk := []byte(goldenPublish[:12])
	d.Feed(chunk)
	clear(chunk)
	require.Equal(t, 12, d.Buffered())
	raws, _, err := items(&d, []byte(goldenPublish[12:]))
	require.NoError(t, err)
	require.Equal(t, []string{goldenPublish}, raws)
}

func TestAppendingToAnItemLeavesTheNextOneAlone(t *testing.T) {
	t.Parallel()
	var d wire.Decoder
	d.Feed([]byte(goldenBody + goldenPublish))
	item, _, _ := d.Next()
	_ = append(item.Raw, "overwritten"...)
	_ = append(item.Frame.Payload, "overwritten"...)
	item, ok, err := d.Next()
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, goldenPublish, string(item.Raw))
}

func TestABrokenStreamIsAnErrorThatStays(t *testing.T) {
	t.Parallel()
	for stream, want := range map[string]string{
		"HTTP/1.1 400":              `frame: type at byte 0: no frame has type 72`,
		"AMQX\x00":                  `protocol header: byte 0: "AMQX" instead of "AMQP"`,
		"AB":                        `protocol header: byte 0: "AB" instead of "AMQP"`,
		goldenBody + "\x04\x00\x01": `frame: type at byte 13: no frame has type 4`,
		goldenBody + goldenHeader:   `frame: type at byte 13: no frame has type 65`,
		goldenHeader + goldenHeader: `frame: type at byte 8: no frame has type 65`,
		goldenHeader + "\x03\x00\x01\x00\x00\x00\x01h\xcf": `frame: end at byte 16: ` +
			`the frame ends with 0xCF instead of 0xCE`,
		goldenHeartbeat + "\x03\x00\x01\x7f\x00\x00\x00": `frame: size at byte 11: ` +
			`2130706440 bytes in all, the limit is 16777216`,
	} {
		for _, size := range []int{1, len(stream)} {
			var chunks [][]byte
			for i := 0; i < len(stream); i += size {
				chunks = append(chunks, []byte(stream[i:min(i+size, len(stream))]))
			}
			var d wire.Decoder
			_, _, err := items(&d, chunks...)
			var wrong *wire.DecodeError
			require.ErrorAs(t, err, &wrong)
			require.EqualError(t, err, "decode "+want)

			before := d.Buffered()
			d.Feed([]byte(goldenBody))
			require.Equal(t, before, d.Buffered(), "nothing piles up")
			_, _, again := d.Next()
			require.Equal(t, err, again)
		}
	}
}

func TestRestIsWhatNextDidNotReturn(t *testing.T) {
	t.Parallel()
	for _, rest := range []string{"", goldenPublish[:9], "rubbish", goldenBody[:len(goldenBody)-1] + "\x00" + goldenPublish} {
		var d wire.Decoder
		raws, _, _ := items(&d, []byte(goldenBody+rest))
		require.Equal(t, []string{goldenBody}, raws)
		require.Equal(t, rest, string(d.Rest()))
		require.Equal(t, len(rest), d.Buffered())
	}
}

func TestFrameMaxCountsTheWholeFrame(t *testing.T) {
	t.Parallel()
	d := wire.Decoder{FrameMax: uint32(len(goldenBody))}
	_, _, err := items(&d, []byte(goldenBody))
	require.NoError(t, err)

	d.FrameMax--
	d.Feed([]byte(goldenBody))
	_, _, err = d.Next()
	require.EqualError(t, err, "decode frame: size at byte 16: 13 bytes in all, the limit is 12")
}

func TestDecodingFramesDoesNotAllocate(t *testing.T) {
	var d wire.Decoder
	chunk := []byte(goldenPublish + goldenContent + goldenBody)
	decode := func() {
		d.Feed(chunk)
		for {
			_, ok, err := d.Next()
			if !ok || err != nil {
				return
			}
		}
	}
	decode()
	require.Zero(t, testing.AllocsPerRun(100, decode))
}
