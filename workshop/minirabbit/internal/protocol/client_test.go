package protocol_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

// patience is how long a test waits for what must come. Nothing waits so long unless it fails.
const patience = 20 * time.Second

// client speaks to a broker by bytes.
type client struct {
	t      *testing.T
	socket net.Conn
	frames wire.Decoder
	buf    []byte
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	socket, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = socket.Close() })
	return &client{t: t, socket: socket, buf: make([]byte, 4096)}
}

func (c *client) write(data ...byte) {
	c.t.Helper()
	_, err := c.socket.Write(data) // a broker that has closed already is the test's business, when it reads
	_ = err
}

func (c *client) frame(kind wire.FrameType, channel uint16, payload ...byte) {
	c.write(wire.AppendFrame(nil, wire.Frame{Type: kind, Channel: channel, Payload: payload})...)
}

func (c *client) send(channel uint16, methods ...wire.Method) {
	c.t.Helper()
	for _, m := range methods {
		c.frame(wire.FrameMethod, channel, encoded(c.t, m)...)
	}
}

func encoded(t *testing.T, m wire.Method) []byte {
	t.Helper()
	payload, err := wire.AppendMethod(nil, m)
	require.NoError(t, err)
	return payload
}

func (c *client) header(channel uint16, size uint64) {
	c.t.Helper()
	c.headerWith(channel, size, wire.Properties{})
}

func (c *client) headerWith(channel uint16, size uint64, p wire.Properties) {
	c.t.Helper()
	payload, err := wire.AppendHeader(nil, &wire.ContentHeader{Class: 60, BodySize: size, Properties: p})
	require.NoError(c.t, err)
	c.frame(wire.FrameHeader, channel, payload...)
}

// publish sends a whole message to the default exchange.
func (c *client) publish(channel uint16, key, body string) {
	c.t.Helper()
	c.publishWith(channel, key, wire.Properties{}, body)
}

func (c *client) publishWith(channel uint16, key string, p wire.Properties, body string) {
	c.t.Helper()
	c.send(channel, &wire.BasicPublish{RoutingKey: key})
	c.headerWith(channel, uint64(len(body)), p)
	if body != "" {
		c.frame(wire.FrameBody, channel, []byte(body)...)
	}
}

// next returns the next item as text: "1 channel.open-ok", "closed" at the end.
func (c *client) next() string {
	c.t.Helper()
	for {
		item, ok, err := c.frames.Next()
		require.NoError(c.t, err)
		if ok {
			return c.describe(item)
		}
		require.NoError(c.t, c.socket.SetReadDeadline(time.Now().Add(patience)))
		n, err := c.socket.Read(c.buf)
		c.frames.Feed(c.buf[:n])
		if n > 0 {
			continue
		}
		if errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset by peer") || strings.Contains(err.Error(), "forcibly closed") {
			return "closed"
		}
		require.NoError(c.t, err)
	}
}

func (c *client) describe(item wire.Item) string {
	c.t.Helper()
	if item.Protocol != nil {
		return item.Protocol.String()
	}
	f := item.Frame
	switch f.Type {
	case wire.FrameMethod:
		m, err := wire.DecodeMethod(f.Payload)
		require.NoError(c.t, err)
		if start, ok := m.(*wire.ConnectionStart); ok {
			return fmt.Sprintf("connection.start %d-%d", start.VersionMajor, start.VersionMinor)
		}
		return fmt.Sprintf("%d %s", f.Channel, m)
	case wire.FrameHeader:
		h, err := wire.DecodeHeader(f.Payload)
		require.NoError(c.t, err)
		return fmt.Sprintf("%d header %s", f.Channel, h)
	case wire.FrameBody:
		if len(f.Payload) > 5000 {
			return fmt.Sprintf("%d body of %d bytes", f.Channel, len(f.Payload))
		}
		return fmt.Sprintf("%d body %q", f.Channel, f.Payload)
	}
	return fmt.Sprintf("%d %s", f.Channel, f.Type)
}

// want reads items and compares them.
func (c *client) want(items ...string) {
	c.t.Helper()
	for _, want := range items {
		require.Equal(c.t, want, c.next())
	}
}

var hello = wire.AppendProtocolHeader(nil, wire.AMQP091)

func startOk(mechanism, response string) *wire.ConnectionStartOk {
	capabilities := wire.Table{
		{Name: "authentication_failure_close", Value: wire.Bool(true)},
		{Name: "connection.blocked", Value: wire.Bool(true)},
	}
	return &wire.ConnectionStartOk{
		ClientProperties: wire.Table{{Name: "capabilities", Value: capabilities}},
		Mechanism:        mechanism, Response: response, Locale: "en_US",
	}
}

// start goes as far as connection.start.
func start(t *testing.T, address string) *client {
	t.Helper()
	c := dial(t, address)
	c.write(hello...)
	c.want("connection.start 0-9")
	return c
}

const tune = "0 connection.tune channel-max=2047 frame-max=131072 heartbeat=60"

// login goes as far as connection.tune.
func login(t *testing.T, address string) *client {
	t.Helper()
	c := start(t, address)
	c.send(0, startOk("PLAIN", "\x00guest\x00guest"))
	c.want(tune)
	return c
}

// connect goes as far as connection.open-ok, with these limits.
func connect(t *testing.T, address string, limits wire.ConnectionTuneOk) *client {
	t.Helper()
	c := login(t, address)
	if limits.FrameMax == 0 {
		limits.FrameMax = 131072
	}
	if limits.ChannelMax == 0 {
		limits.ChannelMax = 2047
	}
	c.send(0, &limits, &wire.ConnectionOpen{VirtualHost: "/"})
	c.want("0 connection.open-ok")
	return c
}

// channel opens channel 1 too.
func openChannel(t *testing.T, address string) *client {
	t.Helper()
	c := connect(t, address, wire.ConnectionTuneOk{})
	c.send(1, &wire.ChannelOpen{})
	c.want("1 channel.open-ok")
	return c
}
