package wire_test

import (
	"bytes"
	"testing"

	"warren.example/workshop/wire"
)

// A delivery as a proxy sees it: method, header with a few properties, body of 256 bytes.
var delivery = func() []byte {
	m, _ := wire.AppendMethodFrame(nil, 1, &wire.BasicDeliver{ConsumerTag: "ctag-1", DeliveryTag: 7, RoutingKey: "orders"})
	h, _ := wire.AppendHeader(nil, usualHeader)
	m = wire.AppendFrame(m, wire.Frame{Type: wire.FrameHeader, Channel: 1, Payload: h})
	return wire.AppendFrame(m, wire.Frame{Type: wire.FrameBody, Channel: 1, Payload: make([]byte, 256)})
}()

var usualHeader = &wire.ContentHeader{Class: 60, BodySize: 256, Properties: wire.Properties{
	ContentType: wire.Some("application/json"),
	Headers: wire.Table{
		{Name: "attempt", Value: wire.Int32(1)},
		{Name: "trace", Value: wire.String("00-4bf92f3577b34da6")},
	},
	DeliveryMode: wire.Some[uint8](2),
	MessageId:    wire.Some("order-7"),
}}

// BenchmarkDecoder cuts deliveries into frames, fed in chunks of 32 KiB as a socket gives them.
func BenchmarkDecoder(b *testing.B) {
	chunk := bytes.Repeat(delivery, 32<<10/len(delivery))
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	var d wire.Decoder
	for b.Loop() {
		d.Feed(chunk)
		for {
			_, ok, err := d.Next()
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				break
			}
		}
	}
}

func BenchmarkDecodeMethod(b *testing.B) {
	for _, m := range []wire.Method{
		&wire.BasicAck{DeliveryTag: 7},
		&wire.BasicPublish{Exchange: "shop", RoutingKey: "orders"},
		&wire.BasicDeliver{ConsumerTag: "ctag-1", DeliveryTag: 7, Exchange: "shop", RoutingKey: "orders"},
		&wire.QueueDeclare{Queue: "orders", Arguments: everyValue},
	} {
		payload := encoded(b, m)
		b.Run(m.Name(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wire.DecodeMethod(payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeHeader(b *testing.B) {
	payload := encodedHeader(b, usualHeader)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.DecodeHeader(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendMethodFrame(b *testing.B) {
	m := &wire.BasicDeliver{ConsumerTag: "ctag-1", DeliveryTag: 7, Exchange: "shop", RoutingKey: "orders"}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = wire.AppendMethodFrame(buf[:0], 1, m)
	}
}

func BenchmarkString(b *testing.B) {
	m := &wire.BasicDeliver{ConsumerTag: "ctag-1", DeliveryTag: 7, Exchange: "shop", RoutingKey: "orders"}
	b.ReportAllocs()
	for b.Loop() {
		_ = m.String()
	}
}
