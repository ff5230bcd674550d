package protocol_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/protocol"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

func TestFrameMaxOf43(t *testing.T) {
	s := serve(t, protocol.Config{Version: version.V43})
	small := login(t, s.address)
	small.send(0, &wire.ConnectionTuneOk{ChannelMax: 10, FrameMax: 8191})
	small.want("closed")
	connect(t, s.address, wire.ConnectionTuneOk{FrameMax: 8192})
}

// RabbitMQ since 4.0 lets anybody in as guest who does not say who he is.
func TestAnonymousSince40(t *testing.T) {
	old := start(t, serve(t, protocol.Config{Version: version.V310}).address)
	old.send(0, startOk("ANONYMOUS", ""))
	old.want("closed")
	now := start(t, serve(t, protocol.Config{Version: version.V40}).address)
	now.send(0, startOk("ANONYMOUS", ""))
	now.want(tune)
}

// What the broker says of itself is what clients look for.
func TestServerProperties(t *testing.T) {
	s := serve(t, protocol.Config{Version: version.V310})
	c := dial(t, s.address)
	c.write(hello...)
	item, ok, err := c.frames.Next()
	for ; !ok && err == nil; item, ok, err = c.frames.Next() {
		n, err := c.socket.Read(c.buf)
		require.NoError(t, err)
		c.frames.Feed(c.buf[:n])
	}
	require.NoError(t, err)
	m, err := wire.DecodeMethod(item.Frame.Payload)
	require.NoError(t, err)
	properties := m.(*wire.ConnectionStart).ServerProperties
	for name, want := range map[string]wire.Value{
		"product": wire.String("RabbitMQ"), "version": wire.String("3.10.8"), "minirabbit": wire.String("imitates RabbitMQ 3.10.8"),
	} {
		got, _ := properties.Get(name)
		require.Equal(t, want, got)
	}
	capabilities, _ := properties.Get("capabilities")
	require.Len(t, capabilities, 9)
}
