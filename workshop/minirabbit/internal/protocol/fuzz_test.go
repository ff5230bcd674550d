package protocol_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/protocol"
	"warren.example/workshop/wire"
)

// fuzzed is a server for a fuzz test: conversation has it serve one client that says script after the handshake, if that is
// wanted, and leaves. The server must neither panic nor hang, and the next client must find it well.
type fuzzed struct {
	server *protocol.Server
	broker *broker.Broker
}

func newFuzzed(f *testing.F) fuzzed {
	b := broker.New(broker.Options{})
	s := protocol.New(protocol.Config{Broker: b, Grace: time.Millisecond, MaxMessageSize: 1 << 20})
	f.Cleanup(func() {
		s.Kill()
		b.Close()
	})
	return fuzzed{s, b}
}

func (f fuzzed) conversation(t *testing.T, script []byte) {
	ours, theirs := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		f.server.Serve(theirs)
	}()
	heard := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(ours) // to the end, however it comes
		heard <- all
	}()
	_ = ours.SetWriteDeadline(time.Now().Add(patience))
	if _, err := ours.Write(script); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the broker stopped reading")
	}
	_ = ours.Close()
	<-served
	look(t, <-heard)
	if n := len(f.broker.Connections()); n > 0 {
		t.Fatalf("%d connections are left", n)
	}
}

// look checks that what the broker said are frames that make sense, up to where the client left.
func look(t *testing.T, heard []byte) {
	var frames wire.Decoder
	frames.Feed(heard)
	for {
		item, ok, err := frames.Next()
		if err != nil {
			t.Fatalf("the broker sent rubbish: %v", err)
		}
		if !ok {
			return
		}
		if item.Protocol == nil && item.Frame.Type == wire.FrameMethod {
			if _, err := wire.DecodeMethod(item.Frame.Payload); err != nil {
				t.Fatalf("the broker sent rubbish: %v", err)
			}
		}
	}
}

// handshake is what a client says up to an open channel 1.
func handshake() []byte {
	all := append([]byte(nil), hello...)
	for _, m := range []wire.Method{
		startOk("PLAIN", "\x00guest\x00guest"), &wire.ConnectionTuneOk{ChannelMax: 3, FrameMax: 131072}, &wire.ConnectionOpen{VirtualHost: "/"},
	} {
		all, _ = wire.AppendMethodFrame(all, 0, m)
	}
	all, _ = wire.AppendMethodFrame(all, 1, &wire.ChannelOpen{})
	return all
}

// FuzzBytes says anything, from the first byte on or after the handshake.
func FuzzBytes(f *testing.F) {
	f.Add(false, hello)
	f.Add(false, []byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add(false, handshake())
	f.Add(true, []byte{1, 0, 1, 0, 0, 0, 4, 0, 60, 0, 80, 0xCE})
	f.Add(true, []byte{3, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Add(true, []byte{2, 0, 1, 0, 0, 0, 14, 0, 60, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0xCE})
	server := newFuzzed(f)
	f.Fuzz(func(t *testing.T, begun bool, script []byte) {
		if begun {
			script = append(handshake(), script...)
		}
		server.conversation(t, script)
	})
}

// FuzzMethods says well-formed methods and contents in any order. Each octet of the script chooses one.
func FuzzMethods(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7})
	f.Add([]byte{20, 21, 22, 8, 30, 31, 32, 9, 10})
	f.Add([]byte{25, 26, 27, 27, 27, 0, 100, 101, 102})
	server := newFuzzed(f)
	words := vocabulary()
	f.Fuzz(func(t *testing.T, choices []byte) {
		if len(choices) > 200 {
			return
		}
		script := handshake()
		for _, choice := range choices {
			script = append(script, words[int(choice)%len(words)]...)
		}
		server.conversation(t, script)
	})
}

// vocabulary is all that FuzzMethods can say.
func vocabulary() (words [][]byte) {
	add := func(channel uint16, methods ...wire.Method) {
		for _, m := range methods {
			word, _ := wire.AppendMethodFrame(nil, channel, m)
			words = append(words, word)
		}
	}
	for _, kind := range []string{"classic", "quorum", "stream"} {
		arguments := wire.Table{{Name: "x-queue-type", Value: wire.String(kind)}}
		add(1, &wire.QueueDeclare{Queue: kind, Durable: true, Arguments: arguments},
			&wire.QueueBind{Queue: kind, Exchange: "amq.topic", RoutingKey: "#"}, &wire.QueueUnbind{Queue: kind, Exchange: "amq.topic"},
			&wire.BasicConsume{Queue: kind, ConsumerTag: kind}, &wire.BasicConsume{Queue: kind, NoAck: true}, &wire.BasicCancel{ConsumerTag: kind},
			&wire.BasicGet{Queue: kind}, &wire.QueuePurge{Queue: kind}, &wire.QueueDelete{Queue: kind})
		words = append(words, message(1, &wire.BasicPublish{RoutingKey: kind}, "x"))
	}
	add(1, &wire.ChannelOpen{}, &wire.ChannelClose{}, &wire.ChannelCloseOk{}, &wire.ChannelFlow{Active: true},
		&wire.QueueDeclare{}, &wire.QueueDeclare{Exclusive: true}, &wire.QueueDeclare{Queue: "nowhere", Passive: true},
		&wire.ExchangeDeclare{Exchange: "x", Type: "fanout", AutoDelete: true}, &wire.ExchangeDelete{Exchange: "x"},
		&wire.ExchangeBind{Destination: "amq.fanout", Source: "x"}, &wire.ExchangeUnbind{Destination: "amq.fanout", Source: "x"},
		&wire.ConfirmSelect{}, &wire.TxSelect{}, &wire.BasicQos{PrefetchCount: 1}, &wire.BasicQos{PrefetchCount: 1, Global: true},
		&wire.BasicAck{DeliveryTag: 1}, &wire.BasicAck{Multiple: true}, &wire.BasicNack{DeliveryTag: 1, Requeue: true}, &wire.BasicReject{DeliveryTag: 2},
		&wire.BasicRecover{Requeue: true}, &wire.BasicPublish{Exchange: "amq.topic", Mandatory: true}, &wire.QueueDeclareOk{})
	add(2, &wire.ChannelOpen{}, &wire.BasicConsume{Queue: "classic"}, &wire.ChannelClose{}, &wire.ConfirmSelect{})
	add(3, &wire.ChannelOpen{})
	add(0, &wire.ConnectionClose{}, &wire.ConnectionCloseOk{}, &wire.ConnectionOpen{VirtualHost: "/"})
	words = append(words,
		message(1, &wire.BasicPublish{Exchange: "amq.topic", RoutingKey: "a.b", Mandatory: true}, "hello"),
		message(2, &wire.BasicPublish{RoutingKey: "nowhere", Mandatory: true}, ""),
		wire.AppendFrame(nil, wire.Frame{Type: wire.FrameBody, Channel: 1, Payload: []byte("body")}),
		wire.AppendFrame(nil, wire.Frame{Type: wire.FrameHeartbeat}))
	return words
}

// message is a whole message, in its frames.
func message(channel uint16, m *wire.BasicPublish, body string) []byte {
	all, _ := wire.AppendMethodFrame(nil, channel, m)
	header, _ := wire.AppendHeader(nil, &wire.ContentHeader{Class: 60, BodySize: uint64(len(body))})
	all = wire.AppendFrame(all, wire.Frame{Type: wire.FrameHeader, Channel: channel, Payload: header})
	if body != "" {
		all = wire.AppendFrame(all, wire.Frame{Type: wire.FrameBody, Channel: channel, Payload: []byte(body)})
	}
	return all
}
