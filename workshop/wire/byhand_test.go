package wire_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

// TestRabbitMQUnderstandsWhatIsEncoded speaks to a broker with this package alone, and says what amqp091-go has no words
// for.
func TestRabbitMQUnderstandsWhatIsEncoded(t *testing.T) {
	t.Parallel()
	ctx, address := realBroker(t)
	password, _ := address.User.Password()
	c := connect(t, ctx, address.Host)

	start := c.read()
	require.IsType(t, &wire.ConnectionStart{}, start)
	c.say(0, &wire.ConnectionStartOk{
		ClientProperties: wire.Table{{Name: "product", Value: wire.String("wire")}, {Name: "capabilities", Value: everyValue}},
		Mechanism:        "PLAIN", Response: "\x00" + address.User.Username() + "\x00" + password, Locale: "en_US",
	})
	tune := c.read().(*wire.ConnectionTune)
	c.say(0, &wire.ConnectionTuneOk{ChannelMax: tune.ChannelMax, FrameMax: tune.FrameMax})
	c.ask(0, &wire.ConnectionOpen{VirtualHost: address.Path[1:]}, &wire.ConnectionOpenOk{})
	c.ask(1, &wire.ChannelOpen{}, &wire.ChannelOpenOk{})

	c.ask(1, &wire.AccessRequest{Realm: "/data", Passive: true, Write: true, Read: true}, &wire.AccessRequestOk{Ticket: 1})
	c.ask(1, &wire.QueueDeclare{Queue: "q", Exclusive: true, Arguments: everyValue}, &wire.QueueDeclareOk{Queue: "q"})
	c.ask(1, &wire.QueueBind{Queue: "q", Exchange: "amq.headers"}, &wire.QueueBindOk{})

	// What goes through a headers exchange has been parsed and may be encoded anew: RabbitMQ 4.0 sorts the fields, keeps
	// one of a name and says l for L. Headers that are so already come back as they were sent.
	sent := *fullHeader
	sent.BodySize = 5
	sent.Properties.Headers = inOrder(everyValue)
	sent.Properties.UserId = wire.Some(address.User.Username())
	c.say(1, &wire.BasicPublish{Exchange: "amq.headers", RoutingKey: "k"})
	c.write(wire.Frame{Type: wire.FrameHeader, Channel: 1, Payload: encodedHeader(t, &sent)})
	c.write(wire.Frame{Type: wire.FrameBody, Channel: 1, Payload: []byte("hello")})
	c.ask(1, &wire.BasicGet{Queue: "q"}, &wire.BasicGetOk{DeliveryTag: 1, Exchange: "amq.headers", RoutingKey: "k"})
	got, err := wire.DecodeHeader(c.frame(wire.FrameHeader).Payload)
	require.NoError(t, err)
	require.Equal(t, &sent, got)
	require.Equal(t, "hello", string(c.frame(wire.FrameBody).Payload))

	c.say(1, &wire.BasicRecoverAsync{Requeue: true})
	c.ask(1, &wire.QueuePurge{Queue: "q"}, &wire.QueuePurgeOk{MessageCount: 1})
	c.ask(0, &wire.ConnectionClose{ReplyCode: 200, ReplyText: "bye"}, &wire.ConnectionCloseOk{})
}

// inOrder is table sorted, with the first field of each name and none of type L.
func inOrder(table wire.Table) wire.Table {
	byName := func(a, b wire.Field) int { return strings.Compare(a.Name, b.Name) }
	sameName := func(a, b wire.Field) bool { return a.Name == b.Name }
	sorted := slices.Clone(table)
	slices.SortStableFunc(sorted, byName)
	sorted = slices.CompactFunc(sorted, sameName)
	return slices.DeleteFunc(sorted, func(f wire.Field) bool { return f.Name == "L" })
}

// client is a connection that a test speaks on, method by method.
type client struct {
	t       *testing.T
	conn    net.Conn
	decoder wire.Decoder
}

// connect dials, says the protocol header and gives up when ctx ends.
func connect(t *testing.T, ctx context.Context, host string) *client {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	deadline, _ := ctx.Deadline()
	require.NoError(t, conn.SetDeadline(deadline))
	_, err = conn.Write(wire.AppendProtocolHeader(nil, wire.AMQP091))
	require.NoError(t, err)
	return &client{t: t, conn: conn}
}

func (c *client) write(f wire.Frame) {
	c.t.Helper()
	_, err := c.conn.Write(wire.AppendFrame(nil, f))
	require.NoError(c.t, err)
}

func (c *client) say(channel uint16, m wire.Method) {
	c.t.Helper()
	c.write(wire.Frame{Type: wire.FrameMethod, Channel: channel, Payload: encoded(c.t, m)})
}

// ask says m and wants an answer.
func (c *client) ask(channel uint16, m, want wire.Method) {
	c.t.Helper()
	c.say(channel, m)
	require.Equal(c.t, want, c.read())
}

// read returns the next method.
func (c *client) read() wire.Method {
	c.t.Helper()
	m, err := wire.DecodeMethod(c.frame(wire.FrameMethod).Payload)
	require.NoError(c.t, err)
	return m
}

// frame returns the next frame, which must be of that type. Its payload is valid until the next call.
func (c *client) frame(want wire.FrameType) wire.Frame {
	c.t.Helper()
	chunk := make([]byte, 4096)
	for {
		item, ok, err := c.decoder.Next()
		require.NoError(c.t, err)
		if ok {
			require.Equal(c.t, want, item.Frame.Type)
			return item.Frame
		}
		n, err := c.conn.Read(chunk)
		require.NoErrorf(c.t, err, "while waiting for a %s frame", want)
		c.decoder.Feed(chunk[:n])
	}
}
