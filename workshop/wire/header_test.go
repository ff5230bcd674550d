package wire_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

func TestAHeaderWithAllPropertiesSurvivesARoundTrip(t *testing.T) {
	t.Parallel()
	payload := encodedHeader(t, fullHeader)
	back, err := wire.DecodeHeader(payload)
	require.NoError(t, err)
	require.Equal(t, fullHeader, back)
	require.Equal(t, payload, encodedHeader(t, back))
}

func TestAnEmptyPropertyIsNotAnAbsentOne(t *testing.T) {
	t.Parallel()
	empty := &wire.ContentHeader{Class: 60, Properties: wire.Properties{
		ContentType:  wire.Some(""),
		Headers:      wire.Table{},
		DeliveryMode: wire.Some[uint8](0),
		Timestamp:    wire.Some(wire.Timestamp(0)),
		ClusterId:    wire.Some(""),
	}}
	back, err := wire.DecodeHeader(encodedHeader(t, empty))
	require.NoError(t, err)
	require.Equal(t, empty, back)
	require.NotNil(t, back.Properties.Headers)
	require.Nil(t, back.Properties.MessageId)

	none := &wire.ContentHeader{Class: 60}
	back, err = wire.DecodeHeader(encodedHeader(t, none))
	require.NoError(t, err)
	require.Equal(t, none, back)
	require.Nil(t, back.Properties.Headers)
}

func TestEachPropertyAloneSurvivesARoundTrip(t *testing.T) {
	t.Parallel()
	all := fullHeader.Properties
	for i, p := range []wire.Properties{
		{ContentType: all.ContentType}, {ContentEncoding: all.ContentEncoding}, {Headers: all.Headers},
		{DeliveryMode: all.DeliveryMode}, {Priority: all.Priority}, {CorrelationId: all.CorrelationId},
		{ReplyTo: all.ReplyTo}, {Expiration: all.Expiration}, {MessageId: all.MessageId}, {Timestamp: all.Timestamp},
		{Type: all.Type}, {UserId: all.UserId}, {AppId: all.AppId}, {ClusterId: all.ClusterId},
	} {
		h := &wire.ContentHeader{Class: 60, BodySize: 1, Properties: p}
		payload := encodedHeader(t, h)
		back, err := wire.DecodeHeader(payload)
		require.NoError(t, err)
		require.Equal(t, h, back)
		require.Equal(t, uint16(1)<<(15-i), binary.BigEndian.Uint16(payload[12:]), "flags, the first property highest")
	}
}

func TestAHeaderCutShortIsAnError(t *testing.T) {
	t.Parallel()
	payload := encodedHeader(t, fullHeader)
	for n := range payload {
		_, err := wire.DecodeHeader(payload[:n])
		var wrong *wire.DecodeError
		require.ErrorAsf(t, err, &wrong, "cut to %d bytes", n)
		require.Equal(t, "content header", wrong.What)
		require.NotEmpty(t, wrong.Field)
		require.LessOrEqual(t, wrong.Offset, n)
	}
}

func TestABrokenHeaderIsAnErrorThatNamesTheField(t *testing.T) {
	t.Parallel()
	const size = "\x00\x00\x00\x00\x00\x00\x00\x05"
	for payload, want := range map[string]string{
		"\x00\x32\x00\x00" + size + "\x00\x00":         "class at byte 0: class 50 carries no content",
		"\x00\x3c\x00\x01" + size + "\x00\x00":         "weight at byte 2: must be 0, is 1",
		"\x00\x3c\x00\x00" + size + "\x00\x01\x00\x00": "property flags at byte 12: announce more than 14 properties",
		"\x00\x3c\x00\x00" + size + "\x00\x02":         "property flags at byte 12: announce more than 14 properties",
		"\x00\x3c\x00\x00" + size + "\x80\x00\x09te":   "content-type at byte 15: needs 9 bytes, 2 left",
		"\x00\x3c\x00\x00" + size + "\x10\x00\x02\x02": "byte 15: 1 byte left over",
	} {
		_, err := wire.DecodeHeader([]byte(payload))
		require.EqualError(t, err, "decode content header: "+want)
	}
}

func TestAHeaderThatAMQPCannotCarryIsNotEncoded(t *testing.T) {
	t.Parallel()
	long := make([]byte, 256)
	before := []byte("before")
	tooLong := &wire.ContentHeader{Class: 60, Properties: wire.Properties{ReplyTo: wire.Some(string(long))}}
	after, err := wire.AppendHeader(before, tooLong)
	require.EqualError(t, err, "encode content header: reply-to has 256 bytes, a short string has 255 at most")
	require.Equal(t, before, after)
}
