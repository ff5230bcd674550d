package protocol_test

import (
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/protocol"
	"warren.example/workshop/wire"
)

// conversation is what a client says, and how the broker ends it or answers.
type conversation struct {
	name  string
	begin func(*testing.T, string) *client // start, login, connected or openChannel
	say   func(*client)
	want  []string // separated by the client's patience only: nothing else may come between
}

// TestErrors has conversations that were looked at on RabbitMQ 3.10.8 and 4.0.5. With WORKSHOP_AMQP_URL they are looked at there
// again.
func TestErrors(t *testing.T) {
	address := serve(t, protocol.Config{Grace: 50 * time.Millisecond}).address
	if real := os.Getenv("WORKSHOP_AMQP_URL"); real != "" {
		u, err := url.Parse(real)
		require.NoError(t, err)
		address = u.Host
	}
	for _, c := range concat(handshakeErrors, frameErrors, channelErrors, contentErrors) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client := c.begin(t, address)
			c.say(client)
			client.want(c.want...)
		})
	}
}

func concat(all ...[]conversation) (whole []conversation) {
	for _, part := range all {
		whole = append(whole, part...)
	}
	return whole
}

func fresh(t *testing.T, address string) *client { return dial(t, address) }

func connected(t *testing.T, address string) *client {
	return connect(t, address, wire.ConnectionTuneOk{})
}

// closing is connection.close as it is shown. A client that answers sees the socket close.
func closing(code, text string, class, method string) string {
	return "0 connection.close code=" + code + ` text="` + strings.ReplaceAll(text, `"`, `\"`) + `" class-id=` + class + " method-id=" + method
}

func bytesOf(numbers ...uint16) (all []byte) {
	for _, n := range numbers {
		all = append(all, byte(n>>8), byte(n))
	}
	return all
}

var handshakeErrors = []conversation{
	{"another version", fresh, func(c *client) { c.write([]byte("AMQP\x00\x00\x09\x02")...) }, []string{"AMQP 0-9-1", "closed"}},
	{"0-9 in old words", fresh, func(c *client) { c.write([]byte("AMQP\x01\x01\x00\x09")...) }, []string{"connection.start 0-9"}},
	{"wrong password", start, func(c *client) { c.send(0, startOk("PLAIN", "\x00guest\x00wrong")) }, []string{
		closing("403", "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.", "0", "0"), "closed",
	}},
	{"wrong password, and no capability to be told", start, func(c *client) {
		c.send(0, &wire.ConnectionStartOk{Mechanism: "PLAIN", Response: "\x00guest\x00wrong", Locale: "en_US"})
	}, []string{"closed"}},
	{"unknown mechanism", start, func(c *client) { c.send(0, startOk("KERBEROS", "")) }, []string{"closed"}},
	{"response without zeros", start, func(c *client) { c.send(0, startOk("PLAIN", "guest")) }, []string{"closed"}},
	{"AMQPLAIN", start, func(c *client) {
		c.send(0, startOk("AMQPLAIN", "\x05LOGINS\x00\x00\x00\x05guest\x08PASSWORDS\x00\x00\x00\x05guest"))
	}, []string{tune}},
	{"AMQPLAIN without password", start, func(c *client) { c.send(0, startOk("AMQPLAIN", "\x05LOGINS\x00\x00\x00\x05guest")) }, []string{"closed"}},
	{"tune-ok before start-ok", start, func(c *client) { c.send(0, &wire.ConnectionTuneOk{FrameMax: 131072}) }, []string{"closed"}},
	{"channel before start-ok", start, func(c *client) { c.send(1, &wire.ChannelOpen{}) }, []string{"closed"}},
	{"frame too large before tuning", start, func(c *client) { c.send(0, startOk("PLAIN", strings.Repeat("x", 5000))) }, []string{"closed"}},
	{"heartbeat before start-ok", start, func(c *client) {
		c.frame(wire.FrameHeartbeat, 0)
		c.send(0, startOk("PLAIN", "\x00guest\x00guest"))
	}, []string{tune}},
	{"frame-max above RabbitMQ's", login, func(c *client) { c.send(0, &wire.ConnectionTuneOk{ChannelMax: 10, FrameMax: 131073}) }, []string{"closed"}},
	{"frame-max without limit", login, func(c *client) { c.send(0, &wire.ConnectionTuneOk{ChannelMax: 10}) }, []string{"closed"}},
	{"frame-max below the least", login, func(c *client) { c.send(0, &wire.ConnectionTuneOk{ChannelMax: 10, FrameMax: 4095}) }, []string{"closed"}},
	{"channel-max without limit", login, func(c *client) { c.send(0, &wire.ConnectionTuneOk{FrameMax: 131072}) }, []string{"closed"}},
	{"open before tune-ok", login, func(c *client) { c.send(0, &wire.ConnectionOpen{VirtualHost: "/"}) }, []string{"closed"}},
	{"unknown virtual host", login, func(c *client) {
		c.send(0, &wire.ConnectionTuneOk{ChannelMax: 10, FrameMax: 131072}, &wire.ConnectionOpen{VirtualHost: "nowhere"})
	}, []string{closing("530", "NOT_ALLOWED - vhost nowhere not found", "10", "40")}},
	{"close before open", login, func(c *client) {
		c.send(0, &wire.ConnectionTuneOk{ChannelMax: 10, FrameMax: 131072}, &wire.ConnectionClose{ReplyCode: 200})
	}, []string{closing("504", "CHANNEL_ERROR - unexpected method in connection state opening", "10", "50")}},
	{"channel before open", login, func(c *client) {
		c.send(0, &wire.ConnectionTuneOk{ChannelMax: 10, FrameMax: 131072})
		c.send(1, &wire.ChannelOpen{})
	}, []string{closing("505", "UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,0>>", "0", "0")}},
}

var frameErrors = []conversation{
	{"open twice", connected, func(c *client) { c.send(0, &wire.ConnectionOpen{VirtualHost: "/"}) }, []string{
		closing("504", "CHANNEL_ERROR - unexpected method in connection state running", "10", "40"),
	}},
	{"queue.declare on channel 0", connected, func(c *client) { c.send(0, &wire.QueueDeclare{}) }, []string{
		closing("504", "CHANNEL_ERROR - unexpected method in connection state running", "50", "10"),
	}},
	{"content header on channel 0", connected, func(c *client) { c.header(0, 3) }, []string{
		closing("505", "UNEXPECTED_FRAME - type 2, all octets = <<0,60,0,0,0,0,0,0,0,0,0,3,0,0>>", "0", "0"),
	}},
	{"body on channel 0", connected, func(c *client) { c.frame(wire.FrameBody, 0, []byte("abcdefghijklmnopqrst")...) }, []string{
		closing("505", `UNEXPECTED_FRAME - type 3, first 16 octets = <<"abcdefghijklmnop">>`, "0", "0"),
	}},
	{"heartbeat with a payload", connected, func(c *client) { c.frame(wire.FrameHeartbeat, 0, 1) }, []string{
		closing("501", "FRAME_ERROR - type 8, all octets = <<1>>: unknown_frame", "0", "0"),
	}},
	{"heartbeat on a channel", connected, func(c *client) { c.frame(wire.FrameHeartbeat, 1) }, []string{
		closing("505", "UNEXPECTED_FRAME - type 8, all octets = <<>>", "0", "0"),
	}},
	{"unknown type", connected, func(c *client) { c.frame(4, 1, 0, 200, 255) }, []string{
		closing("501", "FRAME_ERROR - type 4, all octets = <<0,200,255>>: unknown_frame", "0", "0"),
	}},
	{"unknown type with text", connected, func(c *client) { c.frame(9, 1, []byte("he\"l\\o\n\t\x1b")...) }, []string{
		`0 connection.close code=501 text="FRAME_ERROR - type 9, all octets = <<\"he\\\"l\\\\o\\n\\t\\e\">>: unknown_frame" class-id=0 method-id=0`,
	}},
	{"method of three bytes", connected, func(c *client) { c.frame(wire.FrameMethod, 1, 0, 20, 0) }, []string{
		closing("501", "FRAME_ERROR - type 1, all octets = <<0,20,0>>: unknown_frame", "0", "0"),
	}},
	{"short content header", connected, func(c *client) { c.frame(wire.FrameHeader, 1, 0, 60) }, []string{
		closing("501", "FRAME_ERROR - type 2, all octets = <<0,60>>: unknown_frame", "0", "0"),
	}},
	{"unknown method", connected, func(c *client) { c.frame(wire.FrameMethod, 1, bytesOf(60, 999)...) }, []string{"closed"}},
	{"unknown method on channel 0", connected, func(c *client) { c.frame(wire.FrameMethod, 0, bytesOf(10, 999)...) }, []string{"closed"}},
	{"wrong end", connected, func(c *client) { c.write(1, 0, 1, 0, 0, 0, 2, 1, 2, 0xCD) }, []string{
		closing("501", "FRAME_ERROR - type 1, all octets = <<1,2>>: {invalid_frame_end_marker,205}", "0", "0"), "closed",
	}},
	{"too large", connected, func(c *client) { c.write(3, 0, 1, 0, 2, 0, 1) }, []string{
		closing("501", "FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,131073,131064}", "0", "0"), "closed",
	}},
	{"close-ok without close", connected, func(c *client) { c.send(0, &wire.ConnectionCloseOk{}) }, []string{
		closing("504", "CHANNEL_ERROR - unexpected method in connection state running", "10", "51"),
	}},
	{"close without fields", connected, func(c *client) { c.frame(wire.FrameMethod, 0, bytesOf(10, 50)...) }, []string{
		closing("541", "INTERNAL_ERROR", "0", "0"),
	}},
	{"close", connected, func(c *client) { c.send(0, &wire.ConnectionClose{ReplyCode: 200}) }, []string{"0 connection.close-ok"}},
	{"update-secret", connected, func(c *client) { c.send(0, &wire.ConnectionUpdateSecret{NewSecret: "x"}) }, []string{"0 connection.update-secret-ok"}},
	{"reason that is no UTF-8", connected, func(c *client) { c.send(0, &wire.ConnectionClose{ReplyText: "\xff"}) }, []string{
		closing("501", "FRAME_ERROR - Malformed UTF-8 in shortstr", "10", "50"),
	}},
	{"after the error all is ignored, but close and close-ok", connected, func(c *client) {
		c.send(0, &wire.QueueDeclare{})
		c.want(closing("504", "CHANNEL_ERROR - unexpected method in connection state running", "50", "10"))
		c.frame(9, 0, 1)
		c.frame(9, 1, 1)
		c.send(1, &wire.ChannelOpen{})
		c.send(0, &wire.ConnectionClose{}, &wire.ConnectionCloseOk{})
	}, []string{"0 connection.close-ok", "closed"}},
	{"channel-max counts channels", func(t *testing.T, address string) *client {
		return connect(t, address, wire.ConnectionTuneOk{ChannelMax: 2})
	}, func(c *client) {
		c.send(7, &wire.ChannelOpen{})
		c.want("7 channel.open-ok")
		c.send(2048, &wire.ChannelOpen{})
		c.want("2048 channel.open-ok")
		c.send(1, &wire.ChannelOpen{})
	}, []string{closing("530", "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)", "0", "0")}},
}
