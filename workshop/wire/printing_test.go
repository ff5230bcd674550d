package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

func TestMethodsReadWell(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method wire.Method
		want   string
	}{
		{&wire.BasicPublish{RoutingKey: "orders"}, `basic.publish exchange="" key="orders"`},
		{&wire.BasicPublish{Exchange: "shop", RoutingKey: "a\nb", Mandatory: true},
			`basic.publish exchange="shop" key="a\nb" mandatory`},
		{&wire.BasicPublish{Reserved1: 7}, `basic.publish reserved-1=7 exchange="" key=""`},
		{&wire.BasicDeliver{ConsumerTag: "c", DeliveryTag: 7, RoutingKey: "orders"},
			`basic.deliver consumer="c" tag=7 exchange="" key="orders"`},
		{&wire.BasicAck{DeliveryTag: 7}, `basic.ack tag=7`},
		{&wire.BasicNack{DeliveryTag: 7, Multiple: true, Requeue: true}, `basic.nack tag=7 multiple requeue`},
		{&wire.BasicQos{PrefetchCount: 10}, `basic.qos prefetch-size=0 prefetch-count=10`},
		{&wire.QueueDeclare{Queue: "orders", Durable: true, Arguments: wire.Table{
			{Name: "x-max-length", Value: wire.Int32(5)},
			{Name: "x-queue-type", Value: wire.String("quorum")},
		}}, `queue.declare queue="orders" durable arguments={x-max-length=5 x-queue-type="quorum"}`},
		{&wire.ChannelClose{ReplyCode: 404, ReplyText: "NOT_FOUND", ClassId: 50, MethodId: 10},
			`channel.close code=404 text="NOT_FOUND" class-id=50 method-id=10`},
		{&wire.ChannelOpen{}, `channel.open`},
		{&wire.ChannelFlow{}, `channel.flow`},
		{&wire.ConnectionOpen{VirtualHost: "/"}, `connection.open virtual-host="/"`},
		{&wire.TxCommitOk{}, `tx.commit-ok`},
	} {
		require.Equal(t, c.want, c.method.String())
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	for _, m := range []wire.Method{
		&wire.ConnectionStartOk{Mechanism: "PLAIN", Response: "\x00guest\x00hush"},
		&wire.ConnectionSecure{Challenge: "hush"},
		&wire.ConnectionSecureOk{Response: "hush"},
		&wire.ConnectionUpdateSecret{NewSecret: "hush"},
	} {
		require.NotContains(t, m.String(), "hush")
		require.Regexp(t, `\(\d+ bytes\)`, m.String())
	}
}

func TestHeadersReadWell(t *testing.T) {
	t.Parallel()
	h := &wire.ContentHeader{Class: 60, BodySize: 19, Properties: wire.Properties{
		ContentType:  wire.Some("text/plain"),
		Headers:      wire.Table{{Name: "attempt", Value: wire.Int64(2)}},
		DeliveryMode: wire.Some[uint8](2),
		MessageId:    wire.Some(""),
		Timestamp:    wire.Some(wire.TimestampOf(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))),
	}}
	require.Equal(t, `19 bytes content-type="text/plain" headers={attempt=2} delivery-mode=2 message-id=""`+
		` timestamp=2026-01-31T12:00:00Z`, h.String())
	require.Equal(t, "1 byte", (&wire.ContentHeader{BodySize: 1}).String())
}

func TestValuesReadWell(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]wire.Value{
		"true":                 wire.Bool(true),
		"-1":                   wire.Int8(-1),
		"18446744073709551615": wire.Timestamp(1<<64 - 1),
		"9999-12-31T23:59:59Z": wire.Timestamp(253402300799),
		"253402300800":         wire.Timestamp(253402300800),
		"1.5":                  wire.Float32(1.5),
		"0.1":                  wire.Float64(0.1),
		"1.25":                 wire.Decimal{Scale: 2, Mantissa: 125},
		"-0.05":                wire.Decimal{Scale: 2, Mantissa: -5},
		"-2147483648":          wire.Decimal{Mantissa: -1 << 31},
		`"a\"b\x00"`:           wire.String("a\"b\x00"),
		"(1 byte)":             wire.Bytes{7},
		"void":                 wire.Void{},
		`[1 "two" {three=3} []]`: wire.Array{
			wire.Int32(1), wire.String("two"), wire.Table{{Name: "three", Value: wire.Uint8(3)}}, wire.Array{}},
		`{"a b"=nil ""={}}`: wire.Table{{Name: "a b"}, {Name: "", Value: wire.Table{}}},
	} {
		require.Equal(t, want, v.String())
	}
}

func TestLongTextIsCut(t *testing.T) {
	t.Parallel()
	short, long := strings.Repeat("a", 255), strings.Repeat("a", 1000)
	require.Equal(t, `"`+short+`"`, wire.String(short).String())
	require.Equal(t, `"`+short+`"… (1000 bytes)`, wire.String(long).String())
}

func TestTimestampsCountSeconds(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 12, 0, 0, 999, time.FixedZone("", 3600))
	require.Equal(t, at.Truncate(time.Second).UTC(), wire.TimestampOf(at).Time())
}

func TestFrameTypesAndProtocolsHaveNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "heartbeat", wire.FrameHeartbeat.String())
	require.Equal(t, "type 4", wire.FrameType(4).String())
	require.Equal(t, "AMQP 1-0-0", wire.ProtocolHeader{Major: 1}.String())
	require.Equal(t, "AMQP protocol 3, 1-0-0", wire.ProtocolHeader{Protocol: 3, Major: 1}.String())
	require.Equal(t, "60.40", (&wire.BasicPublish{}).ID().String())
}
