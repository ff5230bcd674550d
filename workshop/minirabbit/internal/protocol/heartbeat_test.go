package protocol_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/protocol"
	"warren.example/workshop/wire"
)

func TestHeartbeatsAreSent(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	c := connect(t, s.address, wire.ConnectionTuneOk{Heartbeat: 1})
	c.want("0 heartbeat", "0 heartbeat")
}

// A client that is silent is cut, and not told why.
func TestASilentClientIsCut(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	c := connect(t, s.address, wire.ConnectionTuneOk{Heartbeat: 1})
	beats := 0
	for c.next() == "0 heartbeat" {
		beats++
	}
	require.Contains(t, []int{5, 6}, beats, "every half second, and the third whole one is the last")
	require.Equal(t, "missed heartbeats from client, timeout: 1s", s.wait(protocol.ConnectionClosed).Text)
}

// What the client sends keeps it, be it a heartbeat or not.
func TestAClientThatSendsStays(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	c := connect(t, s.address, wire.ConnectionTuneOk{Heartbeat: 1})
	for range 8 {
		c.want("0 heartbeat")
		c.frame(wire.FrameHeartbeat, 0)
	}
	c.send(0, &wire.ConnectionClose{})
	for item := c.next(); item != "0 connection.close-ok"; item = c.next() {
		require.Equal(t, "0 heartbeat", item)
	}
}
