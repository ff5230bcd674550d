package port_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/port"
)

func TestAPortIsNotGivenTwice(t *testing.T) {
	t.Parallel()
	var ports port.Allocator
	seen := make(map[int]bool)
	for range 100 {
		found, err := ports.Port(0)
		require.NoError(t, err)
		require.False(t, seen[found])
		seen[found] = true
	}
}

// A real node that is restarted finds its port as it left it, however many stand-ins were started meanwhile.
func TestNodesAndStandInsShareNoPort(t *testing.T) {
	t.Parallel()
	standIns, nodes := port.Allocator{}, port.Allocator{Nodes: true}
	for range 50 {
		standIn, err := standIns.Port(0)
		require.NoError(t, err)
		node, err := nodes.Port(0)
		require.NoError(t, err)
		require.True(t, 20001 <= standIn && standIn < 28000, standIn)
		require.True(t, 28000 <= node && node < 32000, node)
	}
}

func TestWantedPortsAreTakenWhereTheyAreFree(t *testing.T) {
	t.Parallel()
	var ports port.Allocator
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	busy := taken.Addr().(*net.TCPAddr).Port
	free, err := ports.Port(0)
	require.NoError(t, err)

	chosen, err := ports.Ports(port.Set{AMQP: busy, Management: free})
	require.NoError(t, err)
	require.Equal(t, free, chosen.Management)
	require.NotEqual(t, busy, chosen.AMQP)
	for _, other := range []int{chosen.AMQP, chosen.Prometheus, chosen.Stream} {
		require.True(t, port.IsFree(other))
	}
}
