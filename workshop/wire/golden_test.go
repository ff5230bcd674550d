package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

// The bytes below were written by hand from the sources named. AMQP is amqp0-9-1.pdf, XML is amqp0-9-1.xml.

const (
	goldenHeader = "AMQP\x00\x00\x09\x01" // AMQP, 4.2.2

	goldenHeartbeat = "\x08" + "\x00\x00" + "\x00\x00\x00\x00" + "\xce" // AMQP, 4.2.7; errata, 12

	goldenBody = "\x03" + "\x00\x01" + "\x00\x00\x00\x05" + "hello" + "\xce" // AMQP, 4.2.6.2

	goldenTune = "\x01" + "\x00\x00" + "\x00\x00\x00\x0c" + // AMQP, 4.2.3: method frame, channel 0, 12 bytes
		"\x00\x0a" + "\x00\x1e" + // 4.2.4: class 10, method 30
		"\x07\xff" + // XML, connection.tune: channel-max 2047
		"\x00\x02\x00\x00" + // frame-max 131072
		"\x00\x3c" + // heartbeat 60
		"\xce"

	goldenDeclare = "\x01" + "\x00\x02" + "\x00\x00\x00\x3c" + // channel 2, 4 + 2 + 7 + 1 + 46 = 60 bytes
		"\x00\x32" + "\x00\x0a" + // class 50, method 10
		"\x00\x00" + // XML, queue.declare: reserved-1
		"\x06orders" + // AMQP, 4.2.5.3: short string
		"\x12" + // 4.2.5.2: passive, DURABLE, exclusive, auto-delete, NO-WAIT from the lowest bit: 10010
		"\x00\x00\x00\x2a" + // 4.2.5.5: table of 14 + 6 + 22 = 42 bytes
		"\x08x-length" + "I" + "\x00\x00\x03\xe8" + // errata, 3: I is a signed 32-bit integer, 1000
		"\x03off" + "t" + "\x00" + // t is a boolean
		"\x06x-type" + "S" + "\x00\x00\x00\x0a" + "quorum\xc3\xbcm!" + // S is a long string, 10 bytes
		"\xce"

	goldenPublish = "\x01" + "\x00\x01" + "\x00\x00\x00\x16" + // channel 1, 4 + 2 + 5 + 10 + 1 = 22 bytes
		"\x00\x3c" + "\x00\x28" + // class 60, method 40
		"\x00\x00" + // XML, basic.publish: reserved-1
		"\x04shop" + // exchange
		"\x09order.new" + // routing-key
		"\x01" + // MANDATORY, immediate
		"\xce"

	goldenNack = "\x01" + "\x00\x01" + "\x00\x00\x00\x0d" + // 4 + 8 + 1 = 13 bytes
		"\x00\x3c" + "\x00\x78" + // class 60, method 120 (rabbitmq.com/docs/nack)
		"\x00\x00\x00\x01\x00\x00\x00\x02" + // delivery-tag 4294967298
		"\x02" + // multiple, REQUEUE
		"\xce"

	goldenContent = "\x02" + "\x00\x01" + "\x00\x00\x00\x29" + // header frame, 14 + 11 + 15 + 1 = 41 bytes
		"\x00\x3c" + "\x00\x00" + // AMQP, 4.2.6.1: class 60, weight 0
		"\x00\x00\x00\x00\x00\x00\x00\x05" + // body of 5 bytes
		"\xb0\x00" + // flags: CONTENT-TYPE, content-encoding, HEADERS, DELIVERY-MODE, … from the highest bit: 1011
		"\x0atext/plain" +
		"\x00\x00\x00\x0b" + "\x01n" + "l" + "\xff\xff\xff\xff\xff\xff\xff\xfe" + // errata, 3: l is signed, -2
		"\x02" + // delivery-mode
		"\xce"

	goldenAllProperties = "\x02" + "\x00\x01" + "\x00\x00\x00\x30" + // 14 + 34 = 48 bytes
		"\x00\x3c" + "\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\xff\xfc" + // 14 flags, and two bits that must be zero; the properties follow in the order of the XML, class basic
		"\x01a" + "\x01b" + // content-type, content-encoding
		"\x00\x00\x00\x00" + // headers: an empty table
		"\x02" + "\x09" + // delivery-mode, priority
		"\x01c" + "\x01d" + "\x011" + "\x01e" + // correlation-id, reply-to, expiration, message-id
		"\x00\x00\x00\x00\x00\x00\x00\x01" + // AMQP, 4.2.5.4: timestamp of 64 bits
		"\x01f" + "\x01g" + "\x01h" + "\x01i" + // type, user-id, app-id, reserved: RabbitMQ's cluster-id
		"\xce"

	goldenNoProperties = "\x02" + "\x00\x01" + "\x00\x00\x00\x0e" +
		"\x00\x3c" + "\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00" + "\xce"
)

func TestFramesWrittenByHand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden  string
		channel uint16
		method  wire.Method
	}{
		{goldenTune, 0, &wire.ConnectionTune{ChannelMax: 2047, FrameMax: 131072, Heartbeat: 60}},
		{goldenDeclare, 2, &wire.QueueDeclare{Queue: "orders", Durable: true, NoWait: true, Arguments: wire.Table{
			{Name: "x-length", Value: wire.Int32(1000)},
			{Name: "off", Value: wire.Bool(false)},
			{Name: "x-type", Value: wire.String("quorumüm!")},
		}}},
		{goldenPublish, 1, &wire.BasicPublish{Exchange: "shop", RoutingKey: "order.new", Mandatory: true}},
		{goldenNack, 1, &wire.BasicNack{DeliveryTag: 1<<32 + 2, Requeue: true}},
	} {
		frame := only(t, c.golden)
		require.Equal(t, wire.FrameMethod, frame.Type)
		require.Equal(t, c.channel, frame.Channel)
		m, err := wire.DecodeMethod(frame.Payload)
		require.NoError(t, err)
		require.Equal(t, c.method, m)

		written, err := wire.AppendMethodFrame([]byte("before"), c.channel, c.method)
		require.NoError(t, err)
		require.Equal(t, "before"+c.golden, string(written))
	}
}

func TestContentHeadersWrittenByHand(t *testing.T) {
	t.Parallel()
	for golden, want := range map[string]*wire.ContentHeader{
		goldenNoProperties: {Class: 60},
		goldenAllProperties: {Class: 60, Properties: wire.Properties{
			ContentType:     wire.Some("a"),
			ContentEncoding: wire.Some("b"),
			Headers:         wire.Table{},
			DeliveryMode:    wire.Some[uint8](2),
			Priority:        wire.Some[uint8](9),
			CorrelationId:   wire.Some("c"),
			ReplyTo:         wire.Some("d"),
			Expiration:      wire.Some("1"),
			MessageId:       wire.Some("e"),
			Timestamp:       wire.Some(wire.Timestamp(1)),
			Type:            wire.Some("f"),
			UserId:          wire.Some("g"),
			AppId:           wire.Some("h"),
			ClusterId:       wire.Some("i"),
		}},
		goldenContent: {Class: 60, BodySize: 5, Properties: wire.Properties{
			ContentType:  wire.Some("text/plain"),
			Headers:      wire.Table{{Name: "n", Value: wire.Int64(-2)}},
			DeliveryMode: wire.Some[uint8](2),
		}},
	} {
		frame := only(t, golden)
		require.Equal(t, wire.FrameHeader, frame.Type)
		h, err := wire.DecodeHeader(frame.Payload)
		require.NoError(t, err)
		require.Equal(t, want, h)

		payload := encodedHeader(t, want)
		written := wire.AppendFrame(nil, wire.Frame{Type: wire.FrameHeader, Channel: 1, Payload: payload})
		require.Equal(t, golden, string(written))
	}
}

func TestHeartbeatAndBodyWrittenByHand(t *testing.T) {
	t.Parallel()
	for golden, want := range map[string]wire.Frame{
		goldenHeartbeat: {Type: wire.FrameHeartbeat, Payload: []byte{}},
		goldenBody:      {Type: wire.FrameBody, Channel: 1, Payload: []byte("hello")},
	} {
		require.Equal(t, want, only(t, golden))
		require.Equal(t, golden, string(wire.AppendFrame(nil, want)))
	}
}

func TestProtocolHeaderWrittenByHand(t *testing.T) {
	t.Parallel()
	var d wire.Decoder
	d.Feed([]byte(goldenHeader))
	item, ok, err := d.Next()
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, wire.AMQP091, *item.Protocol)
	require.Equal(t, "AMQP 0-9-1", item.Protocol.String())
	require.Equal(t, goldenHeader, string(item.Raw))
	require.Equal(t, goldenHeader, string(wire.AppendProtocolHeader(nil, wire.AMQP091)))
}

// only decodes bytes that hold one frame and nothing else.
func only(t *testing.T, stream string) wire.Frame {
	t.Helper()
	var d wire.Decoder
	d.Feed([]byte(stream))
	item, ok, err := d.Next()
	require.NoError(t, err)
	require.True(t, ok)
	require.Nil(t, item.Protocol)
	require.Equal(t, stream, string(item.Raw))
	require.Zero(t, d.Buffered())
	return item.Frame
}
