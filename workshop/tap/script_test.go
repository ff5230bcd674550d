package tap_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// script is a tap with a client and a broker that do what the test says: no more, and in no other order.
type script struct {
	*tap.Tap
	t      testing.TB
	client *end
	broker *end
	target *net.TCPListener
}

// said is a unit that one of the two got.
type said struct {
	channel uint16
	method  wire.Method
	body    string
}

// play starts a tap and connects the two through it, without a word.
func play(t testing.TB, config tap.Config) *script {
	target, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { target.Close() })
	config.Target = target.Addr().String()
	s := &script{t: t, target: target, Tap: startTap(t, config)}
	s.client, s.broker = s.connect()
	return s
}

// playChannel starts a tap, and the two have opened channel 1.
func playChannel(t testing.TB) *script {
	s := play(t, tap.Config{})
	s.handshake(s.client, s.broker)
	s.openChannel(1)
	return s
}

// playConfirms starts a tap, and the two have opened channel 1 in confirm mode.
func playConfirms(t testing.TB) *script {
	s := playChannel(t)
	s.toBroker(1, &wire.ConfirmSelect{})
	s.toClient(1, &wire.ConfirmSelectOk{})
	return s
}

// connect makes one more connection.
func (s *script) connect() (client, broker *end) {
	dialled, err := net.Dial("tcp", s.Addr())
	require.NoError(s.t, err)
	require.NoError(s.t, s.target.SetDeadline(time.Now().Add(deadline)))
	accepted, err := s.target.Accept()
	require.NoError(s.t, err)
	return newEnd(s.t, dialled), newEnd(s.t, accepted)
}

// capabilities is what amqp091-go announces.
var capabilities = wire.Table{
	{Name: "connection.blocked", Value: wire.Bool(true)},
	{Name: "consumer_cancel_notify", Value: wire.Bool(true)},
}

// handshake opens the connection.
func (s *script) handshake(client, broker *end) {
	s.handshakeWith(client, broker, wire.Table{
		{Name: "capabilities", Value: capabilities},
		{Name: "connection_name", Value: wire.String("test")},
	})
}

func (s *script) handshakeWith(client, broker *end, properties wire.Table) {
	client.write(wire.AppendProtocolHeader(nil, wire.AMQP091))
	require.Equal(s.t, "AMQP 0-9-1", broker.protocol())
	for _, step := range []struct {
		from, to *end
		method   wire.Method
	}{
		{broker, client, &wire.ConnectionStart{VersionMinor: 9, Mechanisms: "PLAIN", Locales: "en_US"}},
		{client, broker, &wire.ConnectionStartOk{ClientProperties: properties, Mechanism: "PLAIN", Locale: "en_US"}},
		{broker, client, &wire.ConnectionTune{ChannelMax: 2047, FrameMax: 131072}},
		{client, broker, &wire.ConnectionTuneOk{ChannelMax: 2047, FrameMax: 131072}},
		{client, broker, &wire.ConnectionOpen{VirtualHost: "/shop"}},
		{broker, client, &wire.ConnectionOpenOk{}},
	} {
		step.from.say(0, step.method)
		require.Equal(s.t, step.method.Name(), step.to.hear().method.Name())
	}
}

func (s *script) openChannel(number uint16) {
	s.toBroker(number, &wire.ChannelOpen{})
	s.toClient(number, &wire.ChannelOpenOk{})
}

// toBroker makes the client say something, and the broker hear just that.
func (s *script) toBroker(channel uint16, m wire.Method, body ...string) {
	s.t.Helper()
	s.client.say(channel, m, body...)
	require.Equal(s.t, m, s.broker.hear().method)
}

// toClient makes the broker say something, and the client hear just that.
func (s *script) toClient(channel uint16, m wire.Method, body ...string) {
	s.t.Helper()
	s.broker.say(channel, m, body...)
	require.Equal(s.t, m, s.client.hear().method)
}

// publish makes the client publish, and the broker get all of it.
func (s *script) publish(bodies ...string) {
	s.t.Helper()
	for _, body := range bodies {
		s.client.publish(body)
	}
	for _, body := range bodies {
		require.Equal(s.t, body, s.broker.hear().body)
	}
}

// wait returns the first n events that f means.
func (s *script) wait(f tap.Filter, n int) []tap.Event {
	s.t.Helper()
	events, err := s.Recording().Wait(within(s.t), f, n)
	require.NoError(s.t, err)
	return events
}

// end is one of the two: a socket that speaks AMQP.
type end struct {
	t       testing.TB
	conn    net.Conn
	decoder wire.Decoder
}

func newEnd(t testing.TB, conn net.Conn) *end {
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(deadline)))
	return &end{t: t, conn: conn}
}

func (e *end) write(data []byte) {
	_, err := e.conn.Write(data)
	require.NoError(e.t, err)
}

// say sends a method, and a content if there is a body.
func (e *end) say(channel uint16, m wire.Method, body ...string) {
	e.write(unit(e.t, channel, m, body...))
}

// unit returns the frames of a method and its content.
func unit(t testing.TB, channel uint16, m wire.Method, body ...string) []byte {
	data, err := wire.AppendMethodFrame(nil, channel, m)
	require.NoError(t, err)
	if len(body) == 0 {
		return data
	}
	header, err := wire.AppendHeader(nil, &wire.ContentHeader{Class: 60, BodySize: uint64(len(body[0]))})
	require.NoError(t, err)
	data = wire.AppendFrame(data, wire.Frame{Type: wire.FrameHeader, Channel: channel, Payload: header})
	if body[0] == "" {
		return data
	}
	return wire.AppendFrame(data, wire.Frame{Type: wire.FrameBody, Channel: channel, Payload: []byte(body[0])})
}

// publish publishes to the queue orders on channel 1.
func (e *end) publish(body string) {
	e.say(1, &wire.BasicPublish{RoutingKey: "orders"}, body)
}

// item reads the next frame or protocol header.
func (e *end) item() (wire.Item, error) {
	buffer := make([]byte, 4096)
	for {
		item, ok, err := e.decoder.Next()
		if ok || err != nil {
			return item, err
		}
		n, err := e.conn.Read(buffer)
		if err != nil {
			return wire.Item{}, err
		}
		e.decoder.Feed(buffer[:n])
	}
}

func (e *end) protocol() string {
	e.t.Helper()
	item, err := e.item()
	require.NoError(e.t, err)
	require.NotNil(e.t, item.Protocol)
	return item.Protocol.String()
}

// hear returns the next unit that comes.
func (e *end) hear() said {
	e.t.Helper()
	item, err := e.item()
	require.NoError(e.t, err)
	require.Equal(e.t, wire.FrameMethod, item.Frame.Type)
	method, err := wire.DecodeMethod(item.Frame.Payload)
	require.NoError(e.t, err)
	s := said{channel: item.Frame.Channel, method: method}
	if !wire.HasContent(method) {
		return s
	}
	item, err = e.item()
	require.NoError(e.t, err)
	require.Equal(e.t, wire.FrameHeader, item.Frame.Type)
	header, err := wire.DecodeHeader(item.Frame.Payload)
	require.NoError(e.t, err)
	for uint64(len(s.body)) < header.BodySize {
		item, err = e.item()
		require.NoError(e.t, err)
		require.Equal(e.t, wire.FrameBody, item.Frame.Type)
		s.body += string(item.Frame.Payload)
	}
	return s
}

// hears checks that the next methods are these, on channel 1.
func (e *end) hears(methods ...wire.Method) {
	e.t.Helper()
	for _, m := range methods {
		require.Equal(e.t, said{channel: 1, method: m}, e.hear())
	}
}

// hearsEnd checks that nothing more comes and that the connection ends, one way or the other.
func (e *end) hearsEnd() {
	e.t.Helper()
	item, err := e.item()
	require.Error(e.t, err, "got %+v", item)
	var decode *wire.DecodeError
	require.False(e.t, errors.As(err, &decode), "got garbage: %v", err)
	var timeout net.Error
	require.False(e.t, errors.As(err, &timeout) && timeout.Timeout(), "the connection stays open")
}

// rest reads all bytes to the end.
func (e *end) rest() []byte {
	e.t.Helper()
	all, err := io.ReadAll(e.conn)
	require.NoError(e.t, err)
	return all
}
