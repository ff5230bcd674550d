package tap_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// closeWrite ends this half of the connection.
func (e *end) closeWrite() {
	require.NoError(e.t, e.conn.(*net.TCPConn).CloseWrite())
}

func TestWhatIsNoAMQPPassesUnchanged(t *testing.T) {
	t.Parallel()
	for _, says := range []string{
		"GET / HTTP/1.1\r\n\r\n",
		"A",
		"AMQX",
		"AMQP\x00\x00\x09\x01 and then something else",
		"\x01\x00\x00\x7f\xff\xff\xff",                             // a frame that is too large
		"\x01\x00\x01\x00\x00\x00\x01x\x00 the end octet is wrong", //
	} {
		s := play(t, tap.Config{})
		s.client.write([]byte(says))
		s.client.closeWrite()
		s.broker.write([]byte("what do you want?"))
		s.broker.closeWrite()
		require.Equal(t, says, string(s.broker.rest()))
		require.Equal(t, "what do you want?", string(s.client.rest()))
		s.wait(tap.Filter{From: tap.Client, Method: "unreadable"}, 1)
	}
}

func TestABrokerThatSpeaksFirstIsHeard(t *testing.T) {
	t.Parallel()
	s := play(t, tap.Config{})
	s.broker.write([]byte("220 mail.warren.example ESMTP\r\n"))
	s.broker.closeWrite()
	require.Equal(t, "220 mail.warren.example ESMTP\r\n", string(s.client.rest()))
	e := s.wait(tap.Filter{From: tap.Broker, Method: "unreadable"}, 1)[0]
	require.Equal(t, "220 mail.warren.example ESMTP\r\n", string(e.Body))
	require.Contains(t, e.Text, "no AMQP")
}

func TestWhatComesBeforeGarbageIsRead(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.Drop{On: nthPublish(2)})
	first, second := unit(t, 1, &wire.BasicPublish{}, "1"), unit(t, 1, &wire.BasicPublish{}, "2")
	all := append(append(append([]byte{}, first...), 0xFF), second...)
	s.client.write(all)
	s.client.closeWrite()
	require.Equal(t, all, s.broker.rest())
	s.wait(tap.Filter{Method: "unreadable"}, 1)
	require.Equal(t, 1, s.Recording().Count(tap.Filter{Method: "basic.publish"}), "what follows is not guessed at")
	require.Zero(t, rule.Struck())
	s.toClient(1, sentinel) // the other direction is still read
	s.wait(tap.Filter{Method: sentinel.Name()}, 1)
}

func TestFramesThatMakeNoSensePassAndAreRecordedAsSuch(t *testing.T) {
	t.Parallel()
	frame := func(kind wire.FrameType, payload string) []byte {
		return wire.AppendFrame(nil, wire.Frame{Type: kind, Channel: 1, Payload: []byte(payload)})
	}
	publish := unit(t, 1, &wire.BasicPublish{RoutingKey: "orders"})
	for name, bytes := range map[string][]byte{
		"unknown method":         frame(wire.FrameMethod, "\x00\x63\x00\x63"),
		"method cut short":       frame(wire.FrameMethod, "\x00\x3c\x00\x50\x00"), // basic.ack
		"no method at all":       frame(wire.FrameMethod, ""),
		"body without a method":  frame(wire.FrameBody, "x"),
		"header without method":  frame(wire.FrameHeader, "\x00\x3c\x00\x00"),
		"body before the header": append(append([]byte{}, publish...), frame(wire.FrameBody, "x")...),
		"header too short":       append(append([]byte{}, publish...), frame(wire.FrameHeader, "\x00\x3c")...),
		"method in a content":    append(append([]byte{}, publish...), unit(t, 1, &wire.BasicQos{})...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := playChannel(t)
			all := append(append([]byte{}, bytes...), unit(t, 1, &wire.BasicPublish{RoutingKey: "orders"}, "after")...)
			s.client.write(all)
			s.client.closeWrite()
			require.Equal(t, all, s.broker.rest())
			strange := s.wait(tap.Filter{Method: "unreadable"}, 1)
			require.NotEmpty(t, strange[0].Text)
			require.Equal(t, "after", string(s.wait(tap.Filter{Method: "basic.publish"}, 1)[0].Body))
		})
	}
}

func TestAContentHeaderThatDoesNotDecodeIsNoHarm(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	// The body has one byte; a content type is announced and missing.
	header := "\x00\x3c\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x01" + "\x80\x00"
	bytes := unit(t, 1, &wire.BasicPublish{})
	bytes = wire.AppendFrame(bytes, wire.Frame{Type: wire.FrameHeader, Channel: 1, Payload: []byte(header)})
	bytes = wire.AppendFrame(bytes, wire.Frame{Type: wire.FrameBody, Channel: 1, Payload: []byte("x")})
	s.client.write(bytes)
	s.client.closeWrite()
	require.Equal(t, bytes, s.broker.rest())
	e := s.wait(tap.Filter{Method: "basic.publish"}, 1)[0]
	require.Nil(t, e.Header)
	require.Contains(t, e.Text, "content-type")
	require.Equal(t, "x", string(e.Body))
}

func TestAStreamThatEndsInsideAFramePassesToItsEnd(t *testing.T) {
	t.Parallel()
	whole := unit(t, 1, &wire.BasicPublish{RoutingKey: "orders"}, "work")
	for n := 1; n < len(whole); n++ {
		s := playChannel(t)
		s.client.write(whole[:n])
		s.client.closeWrite()
		require.Equal(t, whole[:n], s.broker.rest(), "cut at byte %d", n)
		require.Zero(t, s.Recording().Count(tap.Filter{Method: "basic.publish"}))
		s.wait(tap.Filter{Method: "unreadable"}, 1)
	}
}

// Whatever bytes come, cut and spoilt anywhere, they come out as they went in.
func TestRandomlySpoiltStreamsPassUnchanged(t *testing.T) {
	t.Parallel()
	methods := []wire.Method{&wire.BasicPublish{RoutingKey: "k"}, &wire.ConfirmSelect{}, &wire.ChannelOpen{}, ack(3)}
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 0))
		stream := wire.AppendProtocolHeader(nil, wire.AMQP091)
		for range 20 {
			m := methods[random.IntN(len(methods))]
			stream = append(stream, unit(t, uint16(random.IntN(3)), m, []string{"body"}[:btoi(wire.HasContent(m))]...)...)
		}
		for range random.IntN(3) {
			stream[random.IntN(len(stream))] = byte(random.Uint32())
		}
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := play(t, tap.Config{})
			for rest := bytes.Clone(stream); len(rest) > 0; {
				n := 1 + random.IntN(len(rest))
				s.client.write(rest[:n])
				rest = rest[n:]
			}
			s.client.closeWrite()
			require.Equal(t, byChannel(stream), byChannel(s.broker.rest()))
		})
	}
}

// byChannel takes the frames of a stream apart by channel: contents that came mixed leave the tap one after the other. What
// can't be read is under -1.
func byChannel(stream []byte) map[int][]byte {
	all := map[int][]byte{}
	var d wire.Decoder
	d.Feed(stream)
	for {
		item, ok, err := d.Next()
		if err != nil || !ok {
			all[-1] = bytes.Clone(d.Rest())
			return all
		}
		channel := int(item.Frame.Channel)
		all[channel] = append(all[channel], item.Raw...)
	}
}

func TestFaultsThatAskForNothingStrikeUnreadableBytesToo(t *testing.T) {
	t.Parallel()
	s := play(t, tap.Config{})
	rule := s.Add(tap.Hold{On: tap.Trigger{Filter: tap.Filter{From: tap.Client}}})
	picky := s.Add(tap.Drop{On: nthPublish(0)})
	s.client.write([]byte("hello"))
	require.NoError(t, rule.Wait(within(t)))
	rule.Remove()
	s.client.closeWrite()
	require.Equal(t, "hello", string(s.broker.rest()))
	require.Zero(t, picky.Struck())
}

func TestLargeBodiesPassWhole(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	body := make([]byte, 3<<20)
	for i := range body {
		body[i] = byte(i * 7)
	}
	header, err := wire.AppendHeader(nil, &wire.ContentHeader{Class: 60, BodySize: uint64(len(body))})
	require.NoError(t, err)
	data := unit(t, 1, &wire.BasicPublish{})
	data = wire.AppendFrame(data, wire.Frame{Type: wire.FrameHeader, Channel: 1, Payload: header})
	for part := range slices.Chunk(body, 100_000) {
		data = wire.AppendFrame(data, wire.Frame{Type: wire.FrameBody, Channel: 1, Payload: part})
	}
	go s.client.conn.Write(data)
	require.Equal(t, string(body), s.broker.hear().body)
	s.publish("small")
}
