//go:build unix

package native_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/management"
	"warren.example/workshop/node"
	"warren.example/workshop/node/native"
	"warren.example/workshop/port"
)

func TestACancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	driver := newDriver(t, native.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	spec := node.Spec{Dir: filepath.Join(t.TempDir(), "node"), Progress: func(line string) {
		if strings.HasPrefix(line, "waiting") {
			cancel()
		}
	}}
	_, err := driver.Start(ctx, spec)
	require.ErrorIs(t, err, context.Canceled)
	require.NoDirExists(t, spec.Dir)
	requireProcesses(t, spec.Dir, false)
}

func TestAClosedDriverStartsNothing(t *testing.T) {
	t.Parallel()
	driver := newDriver(t, native.Config{})
	require.NoError(t, driver.Close())
	spec := node.Spec{Dir: filepath.Join(t.TempDir(), "node")}
	_, err := driver.Start(t.Context(), spec)
	require.ErrorIs(t, err, broker.ErrClosed)
	require.NoDirExists(t, spec.Dir)
}

func TestANodeThatDiesWhileItStartsTellsWhy(t *testing.T) {
	t.Parallel()
	driver := newDriver(t, native.Config{Home: fakeServer(t, `
echo '2026-01-01 00:00:00.000000+00:00 [info] <0.1.0> all is well' >"$RABBITMQ_LOGS"
echo '2026-01-01 00:00:00.000000+00:00 [error] <0.1.0> the disk could not be read' >>"$RABBITMQ_LOGS"
echo 'BOOT FAILED'
`)})
	version, err := driver.Version(t.Context())
	require.NoError(t, err)
	require.Equal(t, "9.9.9", version)
	spec := node.Spec{Dir: filepath.Join(t.TempDir(), "node")}
	_, err = driver.Start(t.Context(), spec)
	require.ErrorContains(t, err, "start RabbitMQ 9.9.9")
	require.ErrorContains(t, err, "rabbit@localhost ended while it started")
	require.ErrorContains(t, err, "\n    [error] the disk could not be read\n    BOOT FAILED")
	require.NotContains(t, err.Error(), "all is well")
	require.NoDirExists(t, spec.Dir)
}

// The first start finds a port taken, the second gets others. Wishes are kept where they can be.
func TestAStartWhosePortIsTakenIsTriedAgain(t *testing.T) {
	t.Parallel()
	home := fakeServer(t, fmt.Sprintf(`
if mkdir "$0.tried" 2>/dev/null; then echo 'failed to listen: eaddrinuse'; exit 1; fi
exec %s/sbin/rabbitmq-server
`, realHome(t)))
	require.NoError(t, os.Mkdir(filepath.Join(home, "plugins", "rabbitmq_management-9.9.9"), 0o755))
	driver := newDriver(t, native.Config{Home: home})
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	ports := port.Allocator{Nodes: true}
	wanted, err := ports.Ports(port.Set{})
	require.NoError(t, err)
	wanted.AMQP = busy.Addr().(*net.TCPAddr).Port

	var lines []string
	group, err := driver.Start(t.Context(), node.Spec{
		Name:     "tried",
		Dir:      filepath.Join(t.TempDir(), "a folder with spaces"),
		Ports:    wanted,
		Progress: func(line string) { lines = append(lines, line) },
	})
	require.NoError(t, err)
	require.Contains(t, strings.Join(lines, "\n"), "a port was taken")
	info := group.Nodes()[0].Info()
	require.Equal(t, "tried@localhost", info.Name)
	require.NotContains(t, info.AMQP, fmt.Sprint(wanted.AMQP))
	require.Equal(t, fmt.Sprintf("http://guest:guest@127.0.0.1:%d", wanted.Management), info.Management)
	requireLoopbackOnly(t, info)
	require.NoError(t, group.Close())
	require.NoError(t, group.Close())
}

// requireLoopbackOnly wants that no port of a node takes connections from outside: everybody knows the user guest.
func requireLoopbackOnly(t *testing.T, info broker.Info) {
	t.Helper()
	client, err := management.New(info.Management)
	require.NoError(t, err)
	overview, err := client.Overview(t.Context())
	require.NoError(t, err)
	require.NotZero(t, overview.Port("amqp"))
	require.NotZero(t, overview.Port("clustering"))
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, address := range addresses {
		network, ok := address.(*net.IPNet)
		if !ok || network.IP.IsLoopback() || network.IP.To4() == nil {
			continue
		}
		for _, listener := range overview.Listeners {
			conn, err := net.Dial("tcp", net.JoinHostPort(network.IP.String(), fmt.Sprint(listener.Port)))
			if err == nil {
				conn.Close()
			}
			require.Error(t, err, "%s listens on %s, port %d", listener.Protocol, network.IP, listener.Port)
		}
	}
}

// fakeServer makes a server's folder.
func fakeServer(t *testing.T, script string) string {
	t.Helper()
	home := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(home, "sbin"), 0o755))
	file := filepath.Join(home, "sbin", "rabbitmq-server")
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(home, "plugins", "rabbit-9.9.9"), 0o755))
	return home
}

// realHome returns the folder of the installed server, or skips.
func realHome(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*")
	require.NoError(t, err)
	if len(found) == 0 {
		t.Skip("needs Debian's rabbitmq-server")
	}
	return found[0]
}
