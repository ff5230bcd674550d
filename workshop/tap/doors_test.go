package tap_test

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
)

// node listens, says its name to who connects, and waits for the end.
func node(t *testing.T, name string) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			socket, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer socket.Close()
				_, _ = io.WriteString(socket, name)
				_, _ = io.Copy(io.Discard, socket)
			}()
		}
	}()
	return listener.Addr().String()
}

func enter(t *testing.T, address string) (net.Conn, string) {
	client, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	name := make([]byte, 1)
	_, err = client.Read(name)
	if err != nil {
		return client, ""
	}
	return client, string(name)
}

func TestEachDoorLeadsToItsNode(t *testing.T) {
	t.Parallel()
	tp := startTap(t, tap.Config{Target: node(t, "a"), More: []string{node(t, "b"), node(t, "c")}})
	require.Len(t, tp.Addrs(), 3)
	require.Equal(t, tp.Addr(), tp.Addrs()[0])
	for i, want := range []string{"a", "b", "c"} {
		_, name := enter(t, tp.Addrs()[i])
		require.Equal(t, want, name)
		require.Equal(t, i, tp.Connections()[i].Door, "one numbering for all")
	}
	met := tp.Recording().Find(tap.Filter{Method: "connect"})
	require.Equal(t, "you connected to node 3", met[2].Text)
}

func TestOneDoorMayRefuse(t *testing.T) {
	t.Parallel()
	tp := startTap(t, tap.Config{Target: node(t, "a"), More: []string{node(t, "b")}})
	first, _ := enter(t, tp.Addrs()[0])
	enter(t, tp.Addrs()[1])

	tp.RefuseAt(0, true)
	_, err := first.Read(make([]byte, 1))
	require.Error(t, err)
	_, name := enter(t, tp.Addrs()[0])
	require.Empty(t, name)
	refused := tp.Recording().Find(tap.Filter{Method: "fault"})
	require.Equal(t, "a new connection is refused to node 1", refused[len(refused)-1].Text)
	require.True(t, tp.Connections()[1].Open, "the other node's clients stay")
	_, name = enter(t, tp.Addrs()[1])
	require.Equal(t, "b", name)

	tp.RefuseAt(0, false)
	_, name = enter(t, tp.Addrs()[0])
	require.Equal(t, "a", name)
}

func TestAllDoorsOrNone(t *testing.T) {
	t.Parallel()
	_, err := tap.Start(tap.Config{Target: "127.0.0.1:1", More: []string{"nowhere"}})
	require.ErrorContains(t, err, "nowhere")
}
