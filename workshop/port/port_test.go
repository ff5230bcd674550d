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
