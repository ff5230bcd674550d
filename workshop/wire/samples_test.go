package wire_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

// everyValue has a value of each type, some names twice, and tables and arrays in each other.
var everyValue = wire.Table{
	{Name: "t", Value: wire.Bool(true)},
	{Name: "t", Value: wire.Bool(false)},
	{Name: "b", Value: wire.Int8(-1)},
	{Name: "B", Value: wire.Uint8(255)},
	{Name: "s", Value: wire.Int16(math.MinInt16)},
	{Name: "u", Value: wire.Uint16(math.MaxUint16)},
	{Name: "I", Value: wire.Int32(math.MinInt32)},
	{Name: "i", Value: wire.Uint32(math.MaxUint32)},
	{Name: "l", Value: wire.Int64(math.MinInt64)},
	{Name: "L", Value: wire.Int64L(math.MaxInt64)},
	{Name: "f", Value: wire.Float32(1.5)},
	{Name: "d", Value: wire.Float64(-0.1)},
	{Name: "D", Value: wire.Decimal{Scale: 2, Mantissa: -12345}},
	{Name: "S", Value: wire.String("text, and bytes \x00\xff")},
	{Name: "S", Value: wire.String("")},
	{Name: "x", Value: wire.Bytes{0, 1, 255}},
	{Name: "T", Value: wire.Timestamp(1_700_000_000)},
	{Name: "V", Value: wire.Void{}},
	{Name: "A", Value: wire.Array{
		wire.Int32(1), wire.String("two"), wire.Array{wire.Void{}}, wire.Table{{Name: "n", Value: wire.Bool(true)}}}},
	{Name: "F", Value: wire.Table{{Name: "deeper", Value: wire.Table{{Name: "", Value: wire.Uint8(3)}}}}},
	{Name: "A", Value: wire.Array(nil)},
	{Name: "F", Value: wire.Table(nil)},
}

// everyMethod is one method of each kind, each field filled in.
var everyMethod = []wire.Method{
	&wire.ConnectionStart{VersionMajor: 8, VersionMinor: 9, ServerProperties: everyValue,
		Mechanisms: "PLAIN AMQPLAIN", Locales: "en_US"},
	&wire.ConnectionStartOk{ClientProperties: everyValue, Mechanism: "PLAIN",
		Response: "\x00guest\x00guest", Locale: "en_US"},
	&wire.ConnectionSecure{Challenge: "who?"},
	&wire.ConnectionSecureOk{Response: "me"},
	&wire.ConnectionTune{ChannelMax: 2047, FrameMax: 131072, Heartbeat: 60},
	&wire.ConnectionTuneOk{ChannelMax: 1, FrameMax: 4096, Heartbeat: 10},
	&wire.ConnectionOpen{VirtualHost: "/", Reserved1: "capabilities", Reserved2: true},
	&wire.ConnectionOpenOk{Reserved1: "hosts"},
	&wire.ConnectionClose{ReplyCode: 320, ReplyText: "CONNECTION_FORCED", ClassId: 10, MethodId: 40},
	&wire.ConnectionCloseOk{},
	&wire.ConnectionBlocked{Reason: "low on memory"},
	&wire.ConnectionUnblocked{},
	&wire.ConnectionUpdateSecret{NewSecret: "token", Reason: "expired"},
	&wire.ConnectionUpdateSecretOk{},
	&wire.ChannelOpen{Reserved1: "out of band"},
	&wire.ChannelOpenOk{Reserved1: "id"},
	&wire.ChannelFlow{Active: true},
	&wire.ChannelFlowOk{Active: true},
	&wire.ChannelClose{ReplyCode: 404, ReplyText: "NOT_FOUND", ClassId: 50, MethodId: 10},
	&wire.ChannelCloseOk{},
	&wire.AccessRequest{Realm: "/data", Exclusive: true, Passive: true, Active: true, Write: true, Read: true},
	&wire.AccessRequestOk{Ticket: 1},
	&wire.ExchangeDeclare{Reserved1: 1, Exchange: "e", Type: "topic", Passive: true, Durable: true, AutoDelete: true,
		Internal: true, NoWait: true, Arguments: everyValue},
	&wire.ExchangeDeclareOk{},
	&wire.ExchangeDelete{Reserved1: 1, Exchange: "e", IfUnused: true, NoWait: true},
	&wire.ExchangeDeleteOk{},
	&wire.ExchangeBind{Reserved1: 1, Destination: "d", Source: "s", RoutingKey: "k", NoWait: true, Arguments: everyValue},
	&wire.ExchangeBindOk{},
	&wire.ExchangeUnbind{Reserved1: 1, Destination: "d", Source: "s", RoutingKey: "k", NoWait: true,
		Arguments: everyValue},
	&wire.ExchangeUnbindOk{},
	&wire.QueueDeclare{Reserved1: 1, Queue: "q", Passive: true, Durable: true, Exclusive: true, AutoDelete: true,
		NoWait: true, Arguments: everyValue},
	&wire.QueueDeclareOk{Queue: "q", MessageCount: 7, ConsumerCount: 2},
	&wire.QueueBind{Reserved1: 1, Queue: "q", Exchange: "e", RoutingKey: "k", NoWait: true, Arguments: everyValue},
	&wire.QueueBindOk{},
	&wire.QueuePurge{Reserved1: 1, Queue: "q", NoWait: true},
	&wire.QueuePurgeOk{MessageCount: 3},
	&wire.QueueDelete{Reserved1: 1, Queue: "q", IfUnused: true, IfEmpty: true, NoWait: true},
	&wire.QueueDeleteOk{MessageCount: 4},
	&wire.QueueUnbind{Reserved1: 1, Queue: "q", Exchange: "e", RoutingKey: "k", Arguments: everyValue},
	&wire.QueueUnbindOk{},
	&wire.BasicQos{PrefetchSize: 1, PrefetchCount: 10, Global: true},
	&wire.BasicQosOk{},
	&wire.BasicConsume{Reserved1: 1, Queue: "q", ConsumerTag: "c", NoLocal: true, NoAck: true, Exclusive: true,
		NoWait: true, Arguments: everyValue},
	&wire.BasicConsumeOk{ConsumerTag: "c"},
	&wire.BasicCancel{ConsumerTag: "c", NoWait: true},
	&wire.BasicCancelOk{ConsumerTag: "c"},
	&wire.BasicPublish{Reserved1: 1, Exchange: "e", RoutingKey: "k", Mandatory: true, Immediate: true},
	&wire.BasicReturn{ReplyCode: 312, ReplyText: "NO_ROUTE", Exchange: "e", RoutingKey: "k"},
	&wire.BasicDeliver{ConsumerTag: "c", DeliveryTag: math.MaxUint64, Redelivered: true, Exchange: "e", RoutingKey: "k"},
	&wire.BasicGet{Reserved1: 1, Queue: "q", NoAck: true},
	&wire.BasicGetOk{DeliveryTag: 5, Redelivered: true, Exchange: "e", RoutingKey: "k", MessageCount: 6},
	&wire.BasicGetEmpty{Reserved1: "cluster"},
	&wire.BasicAck{DeliveryTag: 7, Multiple: true},
	&wire.BasicReject{DeliveryTag: 8, Requeue: true},
	&wire.BasicRecoverAsync{Requeue: true},
	&wire.BasicRecover{Requeue: true},
	&wire.BasicRecoverOk{},
	&wire.BasicNack{DeliveryTag: 9, Multiple: true, Requeue: true},
	&wire.BasicCredit{ConsumerTag: "c", Credit: 100, Drain: true},
	&wire.BasicCreditOk{Available: 11},
	&wire.BasicCreditDrained{ConsumerTag: "c", CreditDrained: 12},
	&wire.ConfirmSelect{NoWait: true},
	&wire.ConfirmSelectOk{},
	&wire.TxSelect{},
	&wire.TxSelectOk{},
	&wire.TxCommit{},
	&wire.TxCommitOk{},
	&wire.TxRollback{},
	&wire.TxRollbackOk{},
}

// fullHeader has all properties.
var fullHeader = &wire.ContentHeader{
	Class:    60,
	BodySize: 1 << 40,
	Properties: wire.Properties{
		ContentType:     wire.Some("text/plain"),
		ContentEncoding: wire.Some("gzip"),
		Headers:         everyValue,
		DeliveryMode:    wire.Some[uint8](2),
		Priority:        wire.Some[uint8](9),
		CorrelationId:   wire.Some("correlation"),
		ReplyTo:         wire.Some("replies"),
		Expiration:      wire.Some("60000"),
		MessageId:       wire.Some("order-7"),
		Timestamp:       wire.Some(wire.Timestamp(1_700_000_000)),
		Type:            wire.Some("order.created"),
		UserId:          wire.Some("guest"),
		AppId:           wire.Some("shop"),
		ClusterId:       wire.Some("cluster"),
	},
}

func TestTheSamplesLeaveNoFieldEmpty(t *testing.T) {
	t.Parallel()
	samples := []any{&fullHeader.Properties}
	for _, m := range everyMethod {
		samples = append(samples, m)
	}
	for _, sample := range samples {
		v := reflect.ValueOf(sample).Elem()
		for i := range v.NumField() {
			require.Falsef(t, v.Field(i).IsZero(), "%s.%s", v.Type(), v.Type().Field(i).Name)
		}
	}
}

// encoded is the payload of a method frame with m.
func encoded(t testing.TB, m wire.Method) []byte {
	t.Helper()
	payload, err := wire.AppendMethod(nil, m)
	require.NoError(t, err)
	return payload
}

// encodedHeader is the payload of a header frame with h.
func encodedHeader(t testing.TB, h *wire.ContentHeader) []byte {
	t.Helper()
	payload, err := wire.AppendHeader(nil, h)
	require.NoError(t, err)
	return payload
}
